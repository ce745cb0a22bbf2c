docker run -d --rm --name {{ name }} --net none --mount type=bind,source=/work/{{ folder }},destination=/data {{ image }}
until [ -s /work/{{ folder }}/result ]; do sleep 0.2; done
