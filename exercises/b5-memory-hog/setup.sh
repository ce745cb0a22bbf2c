# Three containers run, one of which holds a lot of memory; three have ended, one of them with a failure.
# Which is which is drawn at every run.
names=($(printf '%s\n' ant bee cricket dragonfly earwig firefly | shuf))
# dd reads a block as a whole before it writes, and can write no more than a pipe holds: the rest it keeps.
hog='dd if=/dev/zero bs=36M count=1 | { head -c 1 >/dev/null; : >/tmp/full; exec sleep 3600; }'
docker run --detach --cidfile /run/hog --name "${names[0]}" busybox sh -c "$hog" &
docker run --detach --name "${names[1]}" busybox sleep 3600 &
docker run --detach --name "${names[2]}" busybox sleep 3600 &
docker run --name "${names[3]}" busybox true &
docker run --name "${names[4]}" busybox sh -c "exit $((RANDOM % 90 + 10))" || true &
wait
for try in $(seq 100); do docker exec "${names[0]}" test -e /tmp/full && break; sleep 0.05; done
echo "HOG $(cat /run/hog)"
rm /run/hog
