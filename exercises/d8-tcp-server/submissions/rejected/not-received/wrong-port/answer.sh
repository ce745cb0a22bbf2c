docker exec {{ name }} sh -c 'echo {{ payload }} | nc -w 1 127.0.0.1 80'
