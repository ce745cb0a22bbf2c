#!/bin/bash
numbers=(0 1 -7 4321)
for n in "${numbers[@]}"; do wanted+=($(({{ factor }} * n * n + {{ summand }}))); done
echo "1..${#numbers[@]}"
failed=0
for i in "${!numbers[@]}"; do
  got=$(/cx/project/run.sh "${numbers[i]}" 2>/dev/null)
  if [ "$got" = "${wanted[i]}" ]; then result=ok; else result="not ok"; failed=1; fi
  echo "$result $((i + 1)) - f(${numbers[i]})"
done
exit $failed
