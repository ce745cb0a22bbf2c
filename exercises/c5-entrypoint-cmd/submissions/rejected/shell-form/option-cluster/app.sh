#!/bin/bash
trap "exit {{ status }}" TERM
echo "serving $1"
while :; do sleep 0.1; done
