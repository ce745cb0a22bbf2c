hub=localhost:{{ port }}/{{ team }}
docker tag {{ app }}:draft $hub/{{ app }}:{{ version }}
docker push $hub/{{ app }}:{{ version }}
docker tag {{ app }}:draft {{ app }}:stable
