docker rm {{ name }}
docker run --detach --name {{ name }} busybox sh -c 'echo start >>/var/starts; echo {{ word }} >/var/word; exec sleep 3600'
docker kill {{ name }}
docker start {{ name }}
