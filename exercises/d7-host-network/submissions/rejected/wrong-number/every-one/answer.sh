docker run -d --name {{ name }} --network host busybox sh -c 'wget -qO /tmp/page http://127.0.0.1:{{ admin }}/; exec httpd -f -p {{ inside }}'
for _ in 1 2 3 4 5 6 7 8; do docker exec {{ name }} test -s /tmp/page && break; sleep 0.1; done
