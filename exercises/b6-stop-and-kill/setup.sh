# Three programs: one that ends politely when asked, one that does not listen, one that would listen.
# Each notes the signals that it gets.
note='mkdir -p /var/notes; trap "echo TERM >>/var/notes/signals;'
wait='" TERM; : >/var/notes/ready; while :; do sleep 3600 & wait $!; done'
docker run --detach --name "$PARAMETER_POLITE" busybox sh -c "$note exit $PARAMETER_CODE$wait" &
docker run --detach --name "$PARAMETER_STUBBORN" busybox sh -c "$note :$wait" &
docker run --detach --name "$PARAMETER_DOOMED" busybox sh -c "$note exit 0$wait" &
wait
for name in "$PARAMETER_POLITE" "$PARAMETER_STUBBORN" "$PARAMETER_DOOMED"; do
  for try in $(seq 100); do docker exec "$name" test -e /var/notes/ready && break; sleep 0.05; done
done
