#!/bin/bash
set -e
id=$(docker create {{ image }})
path=$(docker export "$id" | tar -t | grep '/\.{{ file }}$')
docker export "$id" | tar -xO "$path" | sed 's/^/FOUND /'
docker rm "$id" >/dev/null
