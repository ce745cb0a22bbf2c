docker run -d --name {{ name }} -v /work/{{ folder }}:/in -e {{ where }}=/work/{{ folder }} -e {{ what }}=$(cat /work/{{ folder }}/phrase) {{ image }}
sleep 0.5
docker logs {{ name }}
