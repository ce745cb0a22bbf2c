cp "$(command -v tail)" /work/{{ victim }}
/work/{{ victim }} -n1 /dev/zero
exit 0
