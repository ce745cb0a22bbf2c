#!/bin/bash
cd "$1" && shift && exec /cx/scripts/run.sh python3 main.py "$@"
