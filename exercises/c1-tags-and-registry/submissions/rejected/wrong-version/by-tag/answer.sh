hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }}
docker tag {{ app }}:draft $hub/{{ app }}:stable
docker push --all-tags $hub/{{ app }}
echo "DIGEST $(docker inspect --format '{{ .Id }}' {{ app }}:draft)"
docker pull $hub/{{ tool }}
docker tag $hub/{{ tool }} {{ tool }}:pinned
