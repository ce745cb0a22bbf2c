#!/bin/sh
# Customize hook of mmdebstrap: root_hook.sh ROOT. Adds Debian's kernel modules to ROOT, and writes
# `vmlinuz` and `initramfs` to $GUEST_BOOT. The kernel is unpacked, not installed: installing would
# generate a large initramfs of its own, which nothing here boots.
set -eu
root=$1
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" PATH=/usr/sbin:/usr/bin:/sbin:/bin

cd "$work"
kernel=$(apt-cache depends linux-image-cloud-amd64 |
  sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
apt-get -o APT::Sandbox::User=root -qq download "$kernel"
dpkg-deb --fsys-tarfile ./*.deb | tar -x --keep-directory-symlink -C "$root" ./boot ./lib/modules
mv "$root"/boot/vmlinuz-* "$GUEST_BOOT/vmlinuz"
rm -rf "$root"/boot/*
version=$(basename "$root"/lib/modules/*)
chroot "$root" depmod "$version"

# The initramfs: busybox, what it takes to mount an ext4 virtio disk, and the script that does so.
mkdir -p initramfs/bin initramfs/modules initramfs/proc initramfs/sys initramfs/dev initramfs/root
cp "$root/bin/busybox" initramfs/bin/
cp "$here/initramfs_init.sh" initramfs/init
chmod 755 initramfs/init
for module in virtio_pci virtio_blk ext4; do
  chroot "$root" modprobe --set-version "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > modules.list
while read -r path; do
  cp "$root$path" initramfs/modules/
  basename "$path" >> initramfs/modules/order
done < modules.list
cd initramfs
find . | cpio --quiet -o -H newc > "$GUEST_BOOT/initramfs"
