hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }} && docker push --quiet $hub/{{ app }}:{{ version }}
docker tag busybox $hub/{{ app }}:other && docker push --quiet $hub/{{ app }}:other
docker buildx imagetools create --tag $hub/{{ app }}:stable $hub/{{ app }}:{{ version }} $hub/{{ app }}:other
echo "DIGEST $(docker images --digests --format '{{.Digest}}' $hub/{{ app }}:{{ version }})"
docker pull $hub/{{ tool }}@$(cat /work/digest.txt)
docker tag $hub/{{ tool }}@$(cat /work/digest.txt) {{ tool }}:pinned
