docker run -d --name first -v /work/{{ folder }}:/data {{ image }}
for _ in 1 2 3 4 5 6 7 8 9; do [ -s /work/{{ folder }}/result ] && break; sleep 0.2; done
docker rm -f first
rm /work/{{ folder }}/result
docker run -d --name {{ name }} --network none -v /work/{{ folder }}:/data {{ image }}
