docker run -d --network host --name {{ name }} busybox sleep 9999
docker exec -d {{ name }} httpd -f -p {{ inside }}
docker exec {{ name }} sh -c "wget -qO- 127.0.0.1:{{ admin }} | tee /tmp/page"
