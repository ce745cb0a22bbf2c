echo "DANGLING 1"
echo "ACTIVE 1"
docker image prune --force
docker rmi {{ app }}:{{ old }} {{ app }}:{{ broken }} {{ app }}:latest
