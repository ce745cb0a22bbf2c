docker run -d --name first -v /work/{{ folder }}:/data {{ image }}
until [ -s /work/{{ folder }}/result ]; do sleep 0.1; done
docker rm -f first
: >"$(docker inspect --format '{{.LogPath}}' collector)"
docker run -d --name {{ name }} --network none -v /work/{{ folder }}:/data {{ image }}
