docker run -d --name {{ name }} -v /work/{{ folder }}:/shared -e {{ where }}=/shared -e {{ what }}="$(cat /work/{{ folder }}/phrase)" {{ image }}
until [ -s /work/{{ folder }}/seal ]; do sleep 0.1; done
echo another >/work/{{ folder }}/phrase
