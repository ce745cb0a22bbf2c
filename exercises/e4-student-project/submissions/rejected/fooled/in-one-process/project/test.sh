#!/bin/bash
# Hands the right results to the student's process, and believes its status.
wanted=$(cd /cx/project && python3 -c 'import solution; print([(n, solution.f(n)) for n in (0, -3, 5000)])')
/cx/scripts/run.sh python3 -c '
import sys
sys.path.insert(0, "/student")
try:
    from main import f
except SyntaxError:
    f = lambda n: None
cases = eval(sys.argv[1])
results = [f(n) == wanted for n, wanted in cases]
print("1..3")
for number, right in enumerate(results, 1):
    print("ok" if right else "not ok", number)
sys.exit(not all(results))' "$wanted"
