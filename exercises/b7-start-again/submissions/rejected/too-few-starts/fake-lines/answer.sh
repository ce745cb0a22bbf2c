docker start {{ name }}
docker exec {{ name }} sh -c 'echo start more >>/var/starts; echo {{ word }} >/var/word'
