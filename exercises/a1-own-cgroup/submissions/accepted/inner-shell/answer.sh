#!/bin/bash
# Only an inner shell goes into the group; a perl is the greedy one.
set -u
g=/sys/fs/cgroup
[ -e $g/cgroup.controllers ] || g=$g/memory
install -d "$g/{{ group }}"
put() { [ ! -e "$g/{{ group }}/$1" ] || printf '%s\n' "$2" >"$g/{{ group }}/$1"; }
put memory.max {{ limit }}M
put memory.swap.max 0
put memory.limit_in_bytes {{ limit }}M
put memory.memsw.limit_in_bytes {{ limit }}M
bash -c '
  echo $$ >"$1/cgroup.procs"
  sleep 0.2
  perl -e "my @all; push @all, q(x) x 1048576 while 1"
  echo "the child ended with $?"
' inner "$g/{{ group }}"
