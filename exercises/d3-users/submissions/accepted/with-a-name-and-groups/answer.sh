#!/bin/bash
set -e
docker run --detach --name={{ name }} answer
docker create --name={{ other }} --user={{ guest }}:{{ guest }} --entrypoint= answer sh -c 'sleep {{ seconds }}; true'
docker start {{ other }}
docker exec -u root {{ name }} sleep {{ rescue }} &
until docker top {{ name }} -eo args | grep -q 'sleep {{ rescue }}'; do sleep 0.1; done
