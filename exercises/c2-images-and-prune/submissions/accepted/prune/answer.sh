echo "DANGLING $(docker images --quiet --filter dangling=true | wc -l)"
echo "ACTIVE $(docker system df | awk '$1 == "Images" {print $3}')"
docker image prune --force
docker rmi {{ app }}:{{ old }}
docker rmi --force "$(docker images --quiet {{ app }}:{{ broken }})"
