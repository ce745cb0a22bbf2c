for visit in 1 2; do
  docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
done
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro busybox sleep 600
