#!/bin/bash
set -euo pipefail
cd /tmp
{
  echo {{ where }}=/var/lib/{{ folder }}
  printf '{{ what }}=%s\n' "$(</work/{{ folder }}/phrase)"
} >variables
docker create --name={{ name }} --env-file variables --mount type=bind,src=/work/{{ folder }},dst=/var/lib/{{ folder }} {{ image }}
docker start {{ name }}
