# The shell goes into the inner group, and its children with it.
g=/sys/fs/cgroup; [ -e $g/cgroup.controllers ] || g=$g/memory
mkdir -p $g/{{ outer }}/{{ inner }}
put() { [ ! -e "$g/$1" ] || echo "$2" >"$g/$1"; }
put {{ outer }}/cgroup.subtree_control +memory
for file in memory.max memory.limit_in_bytes memory.memsw.limit_in_bytes; do put {{ outer }}/$file {{ limit }}M; done
put {{ outer }}/memory.swap.max 0
for file in memory.max memory.limit_in_bytes; do put {{ outer }}/{{ inner }}/$file {{ wide }}M; done
echo $$ >$g/{{ outer }}/{{ inner }}/cgroup.procs
for child in $(seq {{ children }}); do perl -e '$n = shift; $a = "x" x ($n << 20); open $f, ">", "/work/$$"; sleep 60' {{ share }} & done
# Each child has its share by now, or has been killed.
for child in $(jobs -p); do while kill -0 $child && [ ! -e /work/$child ]; do sleep 0.05; done 2>/dev/null; done
sleep 0.2
exit 0
