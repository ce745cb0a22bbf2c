#!/bin/bash
cd /tmp
for tag in stable {{ version }}; do
  docker image tag "$(docker image ls -q {{ app }}:draft)" "127.0.0.1:{{ port }}/{{ team }}/{{ app }}:$tag"
done
docker image push --all-tags 127.0.0.1:{{ port }}/{{ team }}/{{ app }} > log
sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/digest: \1/p' log | head -n 1 | tr a-z A-Z | sed 's/SHA256.*/\L&/'
read -r digest < /work/digest.txt
docker create --pull always --name once "127.0.0.1:{{ port }}/{{ team }}/{{ tool }}@$digest"
docker tag "$(docker inspect -f '{{ .Image }}' once)" {{ tool }}:pinned
docker rm once
docker restart --time 0 registry
