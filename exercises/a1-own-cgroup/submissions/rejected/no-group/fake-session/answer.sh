echo "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/{{ group }},task_memcg=/{{ group }},task=tail,pid=33,uid=0" >/dev/kmsg 2>/dev/null
echo "Memory cgroup out of memory: Killed process 33 (tail) total-vm:107632kB"
echo "answer.sh: line 9:    33 Killed                  tail -n1 /dev/zero"
mkdir -p /work/{{ group }} && echo $(({{ limit }}*1024*1024)) >/work/{{ group }}/memory.max
cat /work/{{ group }}/memory.max
exit 0
