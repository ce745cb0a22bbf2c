g=/sys/fs/cgroup peak=memory.peak current=memory.current
[ -e $g/cgroup.controllers ] || { g=$g/memory peak=memory.max_usage_in_bytes current=memory.usage_in_bytes; }
mkdir $g/{{ group }}
perl -e '($burst, $held) = @ARGV; $a = "x" x ($burst << 20); undef $a; $b = "x" x ($held << 20); open $f, ">", "/work/held"; sleep 60' {{ burst }} {{ held }} &
until [ -e /work/held ]; do sleep 0.05; done
echo $! >$g/{{ group }}/cgroup.procs
echo PEAK $(cat $g/{{ group }}/$peak)
echo CURRENT $(cat $g/{{ group }}/$current)
