#!/bin/bash
# As in the handout, with nested shells; every level is then asked with nsenter.
cat >/work/level.sh <<'INNER'
if [ "$1" -eq 0 ]; then sleep {{ seconds }} & wait; else unshare -mpf --mount-proc bash /work/level.sh $(($1 - 1)); fi
INNER
bash /work/level.sh {{ depth }} &
find_sleep() { for status in /proc/[0-9]*/cmdline; do
  [ "$(tr '\0' ' ' <$status 2>/dev/null)" = "sleep {{ seconds }} " ] && { s=${status%/cmdline}; echo ${s#/proc/}; return; }; done; return 1; }
until target=$(find_sleep); do sleep 0.1; done
ids=$target
# A process whose namespace is one level further in than ours, again and again.
for level in $(seq {{ depth }}); do
  parent=$target
  steps=$(({{ depth }} - level))
  inner=$(nsenter --target $target --pid --mount bash -c 'cd /proc; for c in [0-9]*/cmdline; do [ "$(tr "\0" " " <$c 2>/dev/null)" = "sleep {{ seconds }} " ] && echo ${c%/cmdline}; done')
  last=$inner
done
ids=$(awk '/^NSpid/ { $1 = ""; print }' /proc/$target/status)
set -- $ids
[ "${!#}" = "$last" ] || echo "disagreement: $last" >&2
echo "PIDS $*"
wait
