g=/sys/fs/cgroup; [ -e $g/cgroup.controllers ] || g=$g/memory
mkdir -p $g/{{ outer }}/{{ inner }}
put() { [ ! -e "$g/$1" ] || echo "$2" >"$g/$1"; }
put {{ outer }}/cgroup.subtree_control +memory
for file in memory.max memory.limit_in_bytes memory.memsw.limit_in_bytes; do put {{ outer }}/$file {{ limit }}M; done
put {{ outer }}/memory.swap.max 0
for file in memory.max memory.limit_in_bytes; do put {{ outer }}/{{ inner }}/$file {{ wide }}M; done
for child in $(seq {{ children }}); do
  (echo $BASHPID >$g/{{ outer }}/{{ inner }}/cgroup.procs && exec perl -e '$n = shift; $a = "x" x ($n << 20); sleep 60' {{ share }}) &
done
killed() { cat $g/{{ outer }}/{{ inner }}/memory.{events,oom_control} 2>/dev/null | sed -n 's/^oom_kill //p'; }
for _ in $(seq 100); do
  [ "$(killed)" -lt $(({{ children }} - {{ limit }} / {{ share }})) ] || break
  sleep 0.2
done
kill $(cat $g/{{ outer }}/{{ inner }}/cgroup.procs)
wait
exit 0
