docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
docker run --rm -u {{ user }} -v /work/{{ folder }}:/data {{ image }}
mkdir /work/copy
docker run -d --name {{ name }} -v /work/copy:/archive:ro busybox sleep 600
while sleep 0.1; do cp -a /work/{{ folder }}/. /work/copy; done >/dev/null 2>&1 &
