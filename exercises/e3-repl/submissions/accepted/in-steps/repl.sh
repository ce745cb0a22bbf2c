#!/bin/bash
id=$(docker create --interactive --tty --user 602:602 --network=none --workdir /home/{{ place }} \
  --mount type=bind,source=/work/project,target=/home/{{ place }},readonly --entrypoint /cx/actions/repl exercise)
trap 'docker rm --force "$id" >/dev/null' EXIT
docker start --attach --interactive "$id"
