docker run --name xx -u {{ user }} -v /work/{{ folder }}:/data {{ image }}; docker start -a xx; docker rm xx
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro busybox sleep 9999
