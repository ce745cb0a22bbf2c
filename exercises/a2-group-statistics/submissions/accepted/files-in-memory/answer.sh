#!/bin/bash
# The shell itself goes in; files of a tmpfs are memory, too, and stay when their writer has gone.
set -e
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  cd /sys/fs/cgroup; peak=memory.peak; current=memory.current
else
  cd /sys/fs/cgroup/memory; peak=memory.max_usage_in_bytes; current=memory.usage_in_bytes
fi
mkdir {{ group }}
cd {{ group }}
echo $$ >cgroup.procs
dd if=/dev/zero of=/work/load bs=1M count={{ burst }} status=none
truncate -s {{ held }}M /work/load
printf 'PEAK: %s\n' "$(<$peak)"
printf 'CURRENT: %s\n' "$(<$current)"
