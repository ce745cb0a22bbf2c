#!/bin/bash
set -e
cd /work
docker run --rm --mount type=bind,source=/work/{{ folder }},target=/data {{ image }}
id=$(docker create --mount "type=bind,src=$PWD/{{ folder }},dst=/data" {{ image }})
docker start --attach "$id"
docker rm "$id" >/dev/null
chown -R {{ user }} {{ folder }}
docker run --detach --name={{ name }} --mount type=bind,source=/work/{{ folder }},target=/archive,readonly busybox tail -f /dev/null
