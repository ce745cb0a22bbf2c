# One container with the name that the task gives, and a neighbour to be left alone.
docker run --detach --name "$PARAMETER_NAME" --hostname "$PARAMETER_NAME" busybox sh -c "echo $PARAMETER_SECRET >/etc/ticket; exec sleep 3600" &
docker run --detach --name "$PARAMETER_NAME-old" busybox sh -c "echo none >/etc/ticket; exec sleep 3600" &
wait
