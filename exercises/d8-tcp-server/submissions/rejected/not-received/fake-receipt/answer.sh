docker exec {{ name }} sh -c 'echo "0123456789abcdef 00000000 {{ payload }}" >>/var/log/requests'
echo "RECEIPT 0123456789abcdef"
