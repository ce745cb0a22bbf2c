#!/bin/bash
n="$1"
cat >/tmp/.runner.$$.py <<'PY'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("main", "/student/main.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(int(module.f(int(sys.argv[1]))))
PY
chmod 644 /tmp/.runner.$$.py
/cx/scripts/run.sh python3 -B /tmp/.runner.$$.py "$n"
status=$?
rm -f /tmp/.runner.$$.py
exit $status
