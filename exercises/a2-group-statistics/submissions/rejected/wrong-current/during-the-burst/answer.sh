# The counters are read too early: the burst has not been given back.
g=/sys/fs/cgroup peak=memory.peak current=memory.current
[ -e $g/cgroup.controllers ] || { g=$g/memory peak=memory.max_usage_in_bytes current=memory.usage_in_bytes; }
mkdir $g/{{ group }}
( echo $BASHPID >$g/{{ group }}/cgroup.procs; exec perl -e '($burst, $held) = @ARGV; $a = "x" x ($burst << 20); sleep 2; undef $a; $b = "x" x ($held << 20); sleep 60' {{ burst }} {{ held }} ) &
sleep 1
echo PEAK $(cat $g/{{ group }}/$peak)
echo CURRENT $(cat $g/{{ group }}/$current)
sleep 2
