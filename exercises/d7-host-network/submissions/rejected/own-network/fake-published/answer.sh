docker run -d --name {{ name }} -p {{ inside }}:{{ inside }} busybox httpd -f -p {{ inside }}
busybox wget -qO /tmp/page http://127.0.0.1:{{ admin }}/
docker cp /tmp/page {{ name }}:/tmp/page
