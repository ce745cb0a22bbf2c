#!/bin/bash
set -e
docker create --name={{ name }} --net=none --mount type=bind,src=/work/{{ folder }},dst=/data {{ image }}
docker start {{ name }}
until [ -s /work/{{ folder }}/result ]; do sleep 0.1; done
