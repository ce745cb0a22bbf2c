docker run --rm -v visits:/data {{ image }}
docker run --rm -v visits:/data {{ image }}
docker run -d --name {{ name }} -v visits:/data -v /work/{{ folder }}:/archive:ro busybox sleep 600
docker cp {{ name }}:/data/{{ book }} /work/{{ folder }}/{{ book }}
chown {{ user }} /work/{{ folder }}/{{ book }}
