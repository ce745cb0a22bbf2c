# A package with a tool that nobody has yet. Its receipts tell where it was installed and run.
tree=$(mktemp -d)
mkdir -p "$tree/DEBIAN" "$tree/usr/bin"
cat >"$tree/DEBIAN/control" <<CONTROL
Package: $PARAMETER_TOOL
Version: 1.$PARAMETER_RELEASE
Architecture: all
Maintainer: Somebody <somebody@example.org>
Description: writes receipts
CONTROL
cat >"$tree/usr/bin/$PARAMETER_TOOL" <<'TOOL'
#!/bin/sh
# Writes a receipt for a word: what, where, and a seal over both.
[ $# -eq 1 ] || { echo "usage: ${0##*/} WORD" >&2; exit 64; }
version=$(dpkg-query --show --showformat '${db:Status-Abbrev}${Version}' "${0##*/}") || exit 69
where=$(cat /proc/sys/kernel/hostname)
seal=$(printf '%s' "SEAL $version $where $1" | sha256sum | cut -c 1-20)
echo "RECEIPT $1 $where $seal"
TOOL
sed -i "s/SEAL/$PARAMETER_SECRET/" "$tree/usr/bin/$PARAMETER_TOOL"
chmod 755 "$tree" "$tree/usr/bin/$PARAMETER_TOOL"
dpkg-deb --root-owner-group -Znone --build "$tree" "/work/$PARAMETER_TOOL.deb" >/dev/null
rm -r "$tree"
docker image ls --all --quiet --no-trunc  # what was there before
