echo "DANGLING $(docker images --quiet --filter dangling=true | wc -l)"
echo "ACTIVE $(docker system df | awk '$1 == "Images" {print $3}')"
docker rmi {{ app }}:{{ old }} {{ app }}:{{ broken }} {{ app }}:latest
docker system prune --force
