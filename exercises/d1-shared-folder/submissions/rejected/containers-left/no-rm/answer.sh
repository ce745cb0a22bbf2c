docker run -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro busybox sleep 600
