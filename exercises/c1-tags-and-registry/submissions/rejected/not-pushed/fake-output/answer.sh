hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }}
docker tag {{ app }}:draft $hub/{{ app }}:stable
echo "The push refers to repository [$hub/{{ app }}]"
echo "{{ version }}: digest: $(docker inspect --format '{{ .Id }}' {{ app }}:draft) size: 525"
echo "DIGEST $(docker inspect --format '{{ .Id }}' {{ app }}:draft)"
