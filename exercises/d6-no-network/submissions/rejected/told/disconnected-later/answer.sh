docker run -d --name first -v /work/{{ folder }}:/data {{ image }}
sleep 0.5
docker rm -f first
docker run -d --name {{ name }} --network none -v /work/{{ folder }}:/data {{ image }}
sleep 0.5
