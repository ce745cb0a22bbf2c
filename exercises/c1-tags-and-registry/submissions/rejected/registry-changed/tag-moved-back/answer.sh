hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }}
docker tag {{ app }}:draft $hub/{{ app }}:stable
docker push --all-tags $hub/{{ app }}
echo "DIGEST $(docker inspect --format '{{ .Id }}' {{ app }}:draft)"
docker pull $hub/{{ tool }}@$(cat /work/digest.txt)
docker tag $hub/{{ tool }}@$(cat /work/digest.txt) {{ tool }}:pinned
docker tag {{ tool }}:pinned $hub/{{ tool }}:latest
docker push $hub/{{ tool }}:latest
