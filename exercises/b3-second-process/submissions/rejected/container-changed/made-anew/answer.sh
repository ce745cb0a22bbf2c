docker rm --force {{ name }} >/dev/null
docker run --detach --name {{ name }} busybox sleep 3600
docker exec --detach --user {{ user }} {{ name }} sleep {{ seconds }}
