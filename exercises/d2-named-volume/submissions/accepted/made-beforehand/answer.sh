#!/bin/bash
set -e
docker volume create {{ volume }}
use="type=volume,source={{ volume }},target=/data"
for run in first second; do
  docker run --name $run --mount $use {{ image }}
  docker rm $run
done
id=$(docker create --mount $use --name {{ name }} {{ image }} stay)
docker start $id
