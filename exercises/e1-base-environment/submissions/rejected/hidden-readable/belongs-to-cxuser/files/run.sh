#!/bin/bash
# Runs a command as the student's user, with what the helpers export.
shopt -s nullglob
declare -A before
while IFS='=' read -r -d '' name _; do before[$name]=1; done < <(env -0)
for helper in /cx/helpers/*.func /cx/helpers/*.start; do source "$helper"; done
[ $# -gt 0 ] || cx_fail "usage: run.sh COMMAND [ARGUMENTS]"
exported=()
while IFS= read -r -d '' pair; do
  [ -n "${before[${pair%%=*}]:-}" ] || exported+=("$pair")
done < <(env -0)
exec sudo --non-interactive --user=cxuser env "${exported[@]}" "$@"
