docker start {{ name }}
docker run --rm busybox sh -c 'echo {{ word }} >/var/word'
docker kill {{ name }}
docker start {{ name }}
