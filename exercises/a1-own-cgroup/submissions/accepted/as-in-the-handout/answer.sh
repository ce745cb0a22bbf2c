# Works on both versions of cgroups.
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  cd /sys/fs/cgroup
  mkdir {{ group }}
  cd {{ group }}
  cat cgroup.procs
  echo $$ >cgroup.procs
  cat cgroup.procs
  echo $(({{ limit }}*1024*1024)) >memory.max
  echo 0 >memory.swap.max
else
  cd /sys/fs/cgroup/memory
  mkdir {{ group }}
  cd {{ group }}
  echo $$ >cgroup.procs
  echo $(({{ limit }}*1024*1024)) >memory.limit_in_bytes
  echo $(({{ limit }}*1024*1024)) >memory.memsw.limit_in_bytes
fi
tail -n1 /dev/zero
exit 0
