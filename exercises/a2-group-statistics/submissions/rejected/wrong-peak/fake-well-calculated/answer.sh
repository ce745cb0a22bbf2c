# What a perl usually needs for itself is added, but nothing is read.
g=/sys/fs/cgroup
[ -e $g/cgroup.controllers ] || g=$g/memory
mkdir $g/{{ group }}
( echo $BASHPID >$g/{{ group }}/cgroup.procs; exec perl -e '($burst, $held) = @ARGV; $a = "x" x ($burst << 20); undef $a; $b = "x" x ($held << 20); sleep 60' {{ burst }} {{ held }} ) &
sleep 1
echo PEAK $((({{ burst }} << 20) + 801234))
echo CURRENT $((({{ held }} << 20) + 561234))
