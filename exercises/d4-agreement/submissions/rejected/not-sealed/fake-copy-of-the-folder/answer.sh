cp -r /work/{{ folder }} /tmp/
docker run -d --name {{ name }} -v /tmp/{{ folder }}:/in -e {{ where }}=/in -e {{ what }}=$(cat /tmp/{{ folder }}/phrase) {{ image }}
while ! [ -s /tmp/{{ folder }}/seal ] && [ $SECONDS -lt 3 ]; do sleep 0.1; done
cp /tmp/{{ folder }}/seal /work/{{ folder }}/
