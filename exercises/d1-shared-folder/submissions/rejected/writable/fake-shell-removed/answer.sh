docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive busybox sleep 600
docker exec {{ name }} rm /bin/sh
