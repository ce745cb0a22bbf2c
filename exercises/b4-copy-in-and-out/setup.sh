# A container that has written its ledger and ended, and one that runs. The last line differs from run to run.
last=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
docker run --name "$PARAMETER_ENDED" busybox sh -c "mkdir -p /srv/books && printf 'ledger of %s\n%s\n' $PARAMETER_SECRET $last >/srv/books/$PARAMETER_FILE" &
docker run --detach --name "$PARAMETER_RUNNING" busybox sh -c 'mkdir -p /srv/inbox && exec sleep 3600' &
wait
