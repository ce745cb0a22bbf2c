pid=$(docker inspect --format '{{.State.Pid}}' {{ name }})
hex=$(awk '$4=="0A"{split($2,a,":"); print a[2]; exit}' /proc/$pid/net/tcp /proc/$pid/net/tcp6)
p=$((16#$hex))
docker run --rm -i --network container:{{ name }} busybox nc 127.0.0.1 $p <<< '{{ payload }}' | tr -d '\r'
