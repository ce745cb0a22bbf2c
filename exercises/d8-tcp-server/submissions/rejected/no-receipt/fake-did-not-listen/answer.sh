port=$(docker exec {{ name }} netstat -tln | sed -n 's/.*:\([0-9][0-9]*\) .*LISTEN.*/\1/p' | head -n 1)
docker exec {{ name }} sh -c "echo {{ payload }} | nc -w 2 127.0.0.1 $port" >/dev/null
echo RECEIPT 0123456789abcdef
