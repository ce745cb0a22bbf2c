#!/bin/bash
set -e
docker inspect --format '{{ index .Config.Labels "team" }} {{ .Name }}' $(docker ps -aq) | while read -r team name; do
  if [ "$team" = {{ team }} ]; then
    docker stop -t 0 "${name#/}"
    docker rm -v "${name#/}"
  fi
done
