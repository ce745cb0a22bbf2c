docker start {{ name }}
docker exec {{ name }} sh -c 'echo {{ word }} >/var/word'
docker stop --time 1 {{ name }}
docker start {{ name }}
docker exec {{ name }} cat /var/starts
