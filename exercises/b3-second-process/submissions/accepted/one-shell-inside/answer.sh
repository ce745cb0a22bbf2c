#!/bin/bash
set -e
id=$(docker ps --quiet --no-trunc --filter name='^/{{ name }}$')
# The client is what waits, so it may go to the background, too.
docker exec -u {{ user }}:{{ user }} "$id" sh -c 'printf "TICKET %s\n" "$(cat /etc/ticket)"; exec /bin/sleep {{ seconds }}' &
for try in $(seq 30); do docker top "$id" | grep -q 'sleep {{ seconds }}' && break; sleep 0.1; done
