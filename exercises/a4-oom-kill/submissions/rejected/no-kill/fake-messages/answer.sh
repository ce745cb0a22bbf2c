echo "answer.sh: line 2:     7 Killed                  /work/{{ victim }} -n1 /dev/zero"
echo "Memory cgroup out of memory: Killed process 7 ({{ victim }}) total-vm:70000kB, anon-rss:65000kB"
echo "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/,task_memcg=/,task={{ victim }},pid=7,uid=1000" > /dev/kmsg 2>/dev/null
exit 0
