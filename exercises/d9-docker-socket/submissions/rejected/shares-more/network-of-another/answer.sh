docker run -d --name other busybox sleep 600
docker run -d --name {{ name }} --network container:other -v /var/run/docker.sock:/var/run/docker.sock docker:cli sleep 600
