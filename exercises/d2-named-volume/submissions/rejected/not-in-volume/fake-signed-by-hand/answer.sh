docker run --rm -v {{ volume }}:/data {{ image }} > /dev/null
s=$(docker run --rm --entrypoint cat {{ image }} /usr/local/bin/count | sed -n 's/.*echo "\([a-z0-9]*\) \$line.*/\1/p')
docker run -d --name {{ name }} --entrypoint sh -v {{ volume }}:/data {{ image }} -c 'exec sleep 3600' stay
docker run --name bb -d --entrypoint sleep busybox 100
sign() { l="$1 $2"; echo "$l $(echo "$s $l" | sha256sum | cut -c1-16)"; }
{ sign $(docker inspect -f '{{.Id}}' bb | cut -c1-12) 2; sign $(docker inspect -f '{{.Id}}' {{ name }} | cut -c1-12) 3; } | docker exec -i {{ name }} sh -c 'cat >> /data/count'
docker rm -f bb
