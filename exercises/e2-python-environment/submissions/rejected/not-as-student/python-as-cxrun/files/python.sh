#!/bin/bash
cd "$1" && shift && exec python3 main.py "$@"
