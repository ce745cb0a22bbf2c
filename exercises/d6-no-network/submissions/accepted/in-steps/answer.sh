#!/bin/bash
set -e
docker create --name={{ name }} --net=none --mount type=bind,src=/work/{{ folder }},dst=/data {{ image }}
docker start {{ name }}
for _ in 1 2 3 4 5 6 7 8 9; do [ -s /work/{{ folder }}/result ] && break; sleep 0.1; done
