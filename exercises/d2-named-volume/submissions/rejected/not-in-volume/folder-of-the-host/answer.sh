mkdir -p /work/{{ volume }}
docker run --rm -v /work/{{ volume }}:/data {{ image }}
docker run --rm -v /work/{{ volume }}:/data {{ image }}
docker run -d --name {{ name }} -v /work/{{ volume }}:/data {{ image }} stay
