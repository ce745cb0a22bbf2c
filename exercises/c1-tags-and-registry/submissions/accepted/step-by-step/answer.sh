set -e
hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }}
docker push $hub/{{ app }}:{{ version }}
docker tag {{ app }}:draft $hub/{{ app }}:stable
docker push $hub/{{ app }}:stable
echo "DIGEST $(docker inspect --format '{{ index .RepoDigests 0 }}' $hub/{{ app }}:stable | cut -d@ -f2)"
docker pull $hub/{{ tool }}@$(cat /work/digest.txt)
docker tag $hub/{{ tool }}@$(cat /work/digest.txt) {{ tool }}:pinned
