#!/bin/bash
# Runs a command as the student's user, with what the helpers export.
shopt -s nullglob
before=$(env | sort)
for helper in /cx/helpers/*.func /cx/helpers/*.start; do source "$helper"; done
[ $# -gt 0 ] || cx_fail "usage: run.sh COMMAND [ARGUMENTS]"
mapfile -t exported < <(comm -13 <(echo "$before") <(env | sort) | grep -v '^_=')
exec sudo --non-interactive --user=cxuser env "${exported[@]}" "$@"
