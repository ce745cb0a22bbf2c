docker run -d --name nn busybox sleep 5000
docker run -d --net container:nn --name {{ name }} -e {{ where }}=/d/e -e {{ what }}=$(< /work/{{ folder }}/phrase) --mount type=bind,source=/work/{{ folder }},target=/d/e {{ image }}
