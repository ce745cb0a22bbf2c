cp -r /work/{{ folder }} /tmp/mine
docker run -d --name {{ name }} -v /tmp/mine:/in -e {{ where }}=/in -e {{ what }}=$(cat /tmp/mine/phrase) {{ image }}
while ! [ -s /tmp/mine/seal ] && [ $SECONDS -lt 3 ]; do sleep 0.1; done
cp /tmp/mine/seal /work/{{ folder }}/
