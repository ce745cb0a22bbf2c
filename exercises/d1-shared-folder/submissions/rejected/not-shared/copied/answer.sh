docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run -d --name {{ name }} busybox sleep 600
docker cp /work/{{ folder }} {{ name }}:/archive
