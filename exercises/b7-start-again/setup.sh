# A container that counts its starts and has been stopped, with something in its files that no image has.
docker run --name "$PARAMETER_NAME" --stop-signal KILL busybox sh -c '
  echo "start $(cat /proc/sys/kernel/random/uuid)" >>/var/starts
  [ -e /var/token ] || exit 0
  exec sleep 3600'
printf '%s\n' "$PARAMETER_SECRET" >/tmp/token
docker cp /tmp/token "$PARAMETER_NAME":/var/token
rm /tmp/token
