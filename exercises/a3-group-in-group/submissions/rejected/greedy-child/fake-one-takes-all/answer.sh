# As many kills as the numbers call for, each of a process that would hit any limit; then one that fits, and idlers.
g=/sys/fs/cgroup; [ -e $g/cgroup.controllers ] || g=$g/memory
mkdir -p $g/{{ outer }}/{{ inner }}
put() { [ ! -e "$g/$1" ] || echo "$2" >"$g/$1"; }
put {{ outer }}/cgroup.subtree_control +memory
for file in memory.max memory.limit_in_bytes memory.memsw.limit_in_bytes; do put {{ outer }}/$file {{ limit }}M; done
put {{ outer }}/memory.swap.max 0
for file in memory.max memory.limit_in_bytes; do put {{ outer }}/{{ inner }}/$file {{ wide }}M; done
inside() { (echo $BASHPID >$g/{{ outer }}/{{ inner }}/cgroup.procs && exec "$@"); }
fit=$(({{ limit }} / {{ share }}))
for dying in $(seq $(({{ children }} - fit))); do inside tail -n1 /dev/zero; done
inside perl -e '$n = shift; $a = "x" x ($n << 20); sleep 60' {{ share }} &
for idle in $(seq 2 $fit); do inside sleep 60 & done
sleep 1
exit 0
