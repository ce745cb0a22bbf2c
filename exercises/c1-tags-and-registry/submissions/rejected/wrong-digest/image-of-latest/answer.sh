hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }}
docker tag {{ app }}:draft $hub/{{ app }}:stable
docker push --all-tags $hub/{{ app }}
echo "DIGEST $(cat /work/digest.txt)"
