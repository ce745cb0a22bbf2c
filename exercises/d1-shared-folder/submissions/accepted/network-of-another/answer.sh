docker run -d --name keep busybox sleep 1000
docker run --rm --network container:keep -v /work/{{ folder }}:/data {{ image }}
docker run --rm --hostname foo -v /work/{{ folder }}:/data {{ image }}
chown {{ user }} /work/{{ folder }}/{{ book }}
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro busybox sleep 9999
