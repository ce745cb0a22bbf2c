ln "$(command -v bash)" /work/{{ victim }} 2>/dev/null || cp "$(command -v bash)" /work/{{ victim }}
if ! /work/{{ victim }} -c 'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done' 2>/dev/null; then
  echo survived
fi
