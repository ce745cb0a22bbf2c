#!/bin/bash
set -e
docker create --net=host --name={{ name }} busybox nc -ll -p {{ inside }} -e cat
docker start {{ name }}
docker exec {{ name }} wget -q -O /tmp/page http://localhost:{{ admin }}
