g=/sys/fs/cgroup; [ -e $g/cgroup.controllers ] || g=$g/memory
mkdir $g/{{ group }} && cd $g/{{ group }}
echo $$ >cgroup.procs
for file in memory.max memory.limit_in_bytes memory.memsw.limit_in_bytes; do [ ! -e $file ] || echo $(({{ limit }}*1000*1000)) >$file; done
[ ! -e memory.swap.max ] || echo 0 >memory.swap.max
tail -n1 /dev/zero
exit 0
