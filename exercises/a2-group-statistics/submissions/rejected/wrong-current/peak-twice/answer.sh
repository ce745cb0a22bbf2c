g=/sys/fs/cgroup peak=memory.peak current=memory.current
[ -e $g/cgroup.controllers ] || { g=$g/memory peak=memory.max_usage_in_bytes current=memory.usage_in_bytes; }
mkdir $g/{{ group }}
bash -c "echo \$\$ >$g/{{ group }}/cgroup.procs; head -c {{ burst }}M /dev/zero >/work/load; truncate -s {{ held }}M /work/load"
echo PEAK $(cat $g/{{ group }}/$peak)
echo CURRENT $(cat $g/{{ group }}/$peak)
