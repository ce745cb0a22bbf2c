#!/bin/bash
set -e
docker network create stage
docker create --name={{ name }} --network=stage --publish=0.0.0.0:{{ outside }}:{{ inside }}/tcp {{ image }}
docker create --name={{ backstage }} --network=stage --publish=127.0.0.1:{{ local }}:{{ inside }}/tcp {{ image }}
docker start {{ name }} {{ backstage }}
