docker create --name {{ name }} --net none {{ image }}
docker run --rm -v /work:/w busybox true
docker cp /work/{{ folder }} {{ name }}:/data
docker start {{ name }}
sleep 1
docker cp {{ name }}:/data/result /work/{{ folder }}/result
