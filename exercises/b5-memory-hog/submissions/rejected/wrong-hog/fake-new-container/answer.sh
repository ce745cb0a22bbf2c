docker run --detach --name {{ label }}-{{ number }} busybox sleep 600
docker kill {{ label }}-{{ number }}
echo FAILED dragonfly 99
