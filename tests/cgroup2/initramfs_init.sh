#!/bin/busybox sh
# First program of the guest: load disk drivers, mount the system's and this run's disk, hand over.
# The shell finds its applets only while /proc is mounted, hence the full path first and last.
/bin/busybox mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid devtmpfs /dev
while read -r module; do
  insmod "/modules/$module"
done < /modules/order
mount -t ext4 -o noatime "$(findfs LABEL=system)" /root
mount -t ext4 -o noatime "$(findfs LABEL=run)" /root/mnt
for folder in dev sys proc; do
  mount -o move "/$folder" "/root/$folder"
done
exec /bin/busybox switch_root /root /bin/busybox sh /mnt/guest_init.sh
