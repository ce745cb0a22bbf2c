#!/usr/bin/python3
import subprocess
import sys

sys.dont_write_bytecode = True
from solution import f

cases = [0, -1, 12, 100_000]
results = []
print("TAP version 13")
for number, n in enumerate(cases, 1):
    run = subprocess.run(["/cx/project/run.sh", str(n)], capture_output=True, text=True)
    results.append(run.returncode == 0 and run.stdout == f"{f(n)}\n")
    print("ok" if results[-1] else "not ok", number)
    print("".join(f"# {line}\n" for line in run.stdout.splitlines() if not results[-1]), end="")
print(f"1..{len(cases)}")
sys.exit(not all(results))
