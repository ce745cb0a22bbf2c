#!/bin/bash
# The shell stays outside; each child enters by itself and keeps its memory in a shell variable.
set -u
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  root=/sys/fs/cgroup
  mkdir $root/{{ outer }}
  echo +memory >$root/{{ outer }}/cgroup.subtree_control
  mkdir $root/{{ outer }}/{{ inner }}
  echo $(({{ limit }} * 1024 * 1024)) >$root/{{ outer }}/memory.max
  echo 0 >$root/{{ outer }}/memory.swap.max
  echo $(({{ wide }} * 1024 * 1024)) >$root/{{ outer }}/{{ inner }}/memory.max
else
  root=/sys/fs/cgroup/memory
  mkdir $root/{{ outer }} $root/{{ outer }}/{{ inner }}
  echo $(({{ limit }} * 1024 * 1024)) >$root/{{ outer }}/memory.limit_in_bytes
  echo $(({{ limit }} * 1024 * 1024)) >$root/{{ outer }}/memory.memsw.limit_in_bytes
  echo $(({{ wide }} * 1024 * 1024)) >$root/{{ outer }}/{{ inner }}/memory.limit_in_bytes
fi
export PERL='my @a; push @a, "y" x 1048576 for 1 .. {{ share }}; open my $f, ">", "/work/has-$$"; sleep 1000'
number=0
while [ $number -lt {{ children }} ]; do
  number=$((number + 1))
  sh -c "echo \$\$ >$root/{{ outer }}/{{ inner }}/cgroup.procs; exec perl -e \"\$PERL\"" &
  while kill -0 $! 2>/dev/null && [ ! -e /work/has-$! ]; do sleep 0.05; done
done
true
