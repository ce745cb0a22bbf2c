#!/bin/bash
exec /cx/scripts/run.sh python3 -c 'import sys; sys.path.insert(0, "/student"); from main import f; print(f(int(sys.argv[1])))' "$1"
