echo "DANGLING $(docker images --quiet --filter dangling=true | wc -l)"
echo "ACTIVE $(docker system df | awk '$1 == "Images" {print $3}')"
for id in $(docker images --quiet --filter dangling=true); do docker tag "$id" "tidy:$id"; done
echo "Total reclaimed space: 8.4MB"
docker rmi {{ app }}:{{ old }} {{ app }}:{{ broken }} {{ app }}:latest
