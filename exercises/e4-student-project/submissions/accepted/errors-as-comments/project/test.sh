#!/bin/bash
echo "TAP version 14"
echo "1..4"
i=0; rc=0
while read -r n; do
  i=$((i+1))
  expected=$(python3 -B -c 'import sys; sys.path[:0]=["/cx/project"]; import solution; print(solution.f(int(sys.argv[1])))' "$n")
  actual=$(/cx/project/run.sh "$n" 2>/tmp/err.$$ </dev/null) && [ "$actual" = "$expected" ] && echo "ok $i" || { echo "not ok $i"; sed 's/^/# /' /tmp/err.$$; rc=1; }
done <<'N'
0
-12
7
5000
N
rm -f /tmp/err.$$
exit $rc
