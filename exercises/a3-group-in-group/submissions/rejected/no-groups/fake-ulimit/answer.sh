ulimit -v $(({{ limit }}*1024))
for child in $(seq {{ children }}); do perl -e '$n = shift; $a = "x" x ($n << 20); sleep 60' {{ share }} & done
sleep 0.3
echo "Memory cgroup out of memory: Killed process 31 (perl), oom_memcg=/{{ outer }},task_memcg=/{{ outer }}/{{ inner }}"
exit 0
