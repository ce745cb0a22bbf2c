#!/bin/bash
echo "serving $1"
trap "exit {{ status }}" SIGTERM SIGINT
sleep infinity &
wait $!
