# First process of a hands-on sandbox: runs the answer, says how it ended, and keeps what it left alive
# until the grader has looked. Descriptor 3 leads to the grader and is closed for the answer.
cgroups=/sys/fs/cgroup
if [ -w $cgroups/cgroup.subtree_control ]; then
  # A group with processes cannot hand controllers on (the "no internal process" rule of cgroup v2).
  mkdir $cgroups/init
  while read -r pid; do echo "$pid" >$cgroups/init/cgroup.procs; done <$cgroups/cgroup.procs
  sed 's/ / +/g; s/^/+/' $cgroups/cgroup.controllers >$cgroups/cgroup.subtree_control
fi 2>/dev/null
"$@" 3>&-
echo $? >&3
exec 3>&-
exec sleep infinity
