# The word is written after the last start, and made to look as if it had been there before.
docker start {{ name }}
docker restart --time 1 {{ name }}
docker exec {{ name }} sh -c 'echo {{ word }} >/var/word; touch -d "2020-01-01 00:00" /var/word'
