cp "$(command -v tail)" /work/{{ victim }}
exec 2>/dev/null
/work/{{ victim }} -n1 /dev/zero
