#!/bin/bash
set -e
port=$(docker top {{ name }} -eo pid,args | grep -o -- '-p [0-9]*' | tr -dc 0-9)
address=$(docker inspect --format '{{.NetworkSettings.IPAddress}}' {{ name }})
exec 3<>/dev/tcp/$address/$port
printf '%s\n' {{ payload }} >&3
read -r reply <&3
echo "$reply"
