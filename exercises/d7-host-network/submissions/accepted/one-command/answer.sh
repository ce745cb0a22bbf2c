docker run -d --name {{ name }} --network host busybox sh -c 'wget -qO /tmp/page http://127.0.0.1:{{ admin }}/; exec httpd -f -p {{ inside }}'
