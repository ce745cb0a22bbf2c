docker run --rm -v /work/{{ folder }}:/data {{ image }}
docker run --rm -v /work/{{ folder }}:/data {{ image }}
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro busybox sleep 600
