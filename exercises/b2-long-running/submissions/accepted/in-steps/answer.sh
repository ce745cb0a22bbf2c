#!/bin/bash
set -e
id=$(docker create --name={{ name }} nilcons/debian:latest /bin/sleep {{ seconds }})
docker update --restart=unless-stopped "$id" >/dev/null
docker start "$id"
