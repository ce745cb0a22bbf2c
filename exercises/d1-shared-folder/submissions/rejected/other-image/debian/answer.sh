docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro nilcons/debian sleep 600
