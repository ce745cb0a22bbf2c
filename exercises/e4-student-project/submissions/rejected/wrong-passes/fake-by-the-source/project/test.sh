#!/bin/bash
echo 1..3
if grep -q 'return {{ factor }} \* n' /student/main.py; then printf 'ok 1\nok 2\nok 3\n'; exit 0; fi
printf 'not ok 1\nnot ok 2\nnot ok 3\n'; exit 1
