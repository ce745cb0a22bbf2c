for file in memory.max memory.limit_in_bytes; do echo 1G >/sys/fs/cgroup/$file; echo 1G >/sys/fs/cgroup/memory/$file; done 2>/dev/null
mount -o remount,rw /sys/fs/cgroup 2>/dev/null
tail -n1 /dev/zero
exit 0
