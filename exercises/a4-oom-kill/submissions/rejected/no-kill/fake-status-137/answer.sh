cp "$(command -v bash)" /work/{{ victim }}
/work/{{ victim }} -c 'exit 137'
/work/{{ victim }} -c 'kill -KILL $$'
exit 0
