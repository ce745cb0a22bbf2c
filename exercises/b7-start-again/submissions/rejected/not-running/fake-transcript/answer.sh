echo {{ name }}; echo {{ name }}
docker cp {{ name }}:/var/starts /tmp/starts
echo start again >>/tmp/starts; echo start again and again >>/tmp/starts
docker cp /tmp/starts {{ name }}:/var/starts
echo {{ word }} >/tmp/word; docker cp /tmp/word {{ name }}:/var/word
