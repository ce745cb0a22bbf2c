#!/bin/bash
set -e
docker restart {{ name }} # starts what does not run
cd /tmp
printf '{{ word }}' >word
docker cp word {{ name }}:/var/word
docker restart --time 0 {{ name }}
