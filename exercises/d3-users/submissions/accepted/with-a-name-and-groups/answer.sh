#!/bin/bash
set -e
docker run --detach --name={{ name }} answer
docker create --name={{ other }} --user={{ guest }}:{{ guest }} --entrypoint= answer sh -c 'sleep {{ seconds }}; true'
docker start {{ other }}
docker exec -u root {{ name }} sleep {{ rescue }} &
for _ in 1 2 3 4 5 6 7 8 9 10; do
  ! docker top {{ name }} -eo pid,args | grep -q 'sleep {{ rescue }}' || break
  sleep 0.1
done
