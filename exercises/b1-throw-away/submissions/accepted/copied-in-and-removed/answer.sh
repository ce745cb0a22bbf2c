#!/bin/bash
set -e
id=$(docker create --interactive nilcons/debian bash -e)
trap 'docker rm --force "$id"' EXIT
docker cp /work/{{ tool }}.deb "$id":/root/tool.deb
docker start --attach --interactive "$id" >/work/receipt.txt <<'INSIDE'
dpkg -i /root/tool.deb
{{ tool }} {{ word }}
INSIDE
