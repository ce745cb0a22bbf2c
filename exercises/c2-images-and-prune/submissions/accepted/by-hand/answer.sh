#!/bin/bash
set -eu
used=$(docker ps --all --quiet | xargs docker inspect --format '{{ .Image }}' | sort -u)
unnamed=$(docker images --no-trunc --quiet --filter dangling=true | sort -u)
printf 'ACTIVE: %d\n' "$(wc -l <<<"$used")"
printf 'DANGLING: %d\n' "$(wc -l <<<"$unnamed")"
comm -13 <(echo "$used") <(echo "$unnamed") | while read -r id; do docker image rm "$id"; done
docker image rm {{ app }}:{{ broken }} {{ app }}:latest {{ app }}:{{ old }}
