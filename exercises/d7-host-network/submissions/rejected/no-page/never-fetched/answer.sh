docker run -d --name {{ name }} --network host busybox httpd -f -p {{ inside }}
docker exec {{ name }} sh -c 'echo administration >/tmp/page'
