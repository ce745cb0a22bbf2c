docker run -d --name {{ name }} --network host busybox sleep 600
docker exec {{ name }} wget -qO /tmp/page http://127.0.0.1:{{ admin }}/
busybox httpd -p {{ inside }} -h /tmp
