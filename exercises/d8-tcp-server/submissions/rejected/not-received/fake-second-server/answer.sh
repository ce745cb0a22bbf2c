docker exec {{ name }} sh -c 'nc -l -p 1999 -e /usr/local/bin/reply & sleep 0.3; echo {{ payload }} | nc 127.0.0.1 1999'
