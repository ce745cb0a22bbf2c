id=$(docker create --name {{ name }} busybox sleep 600)
docker start "$id"
docker update --memory {{ limit }}m --memory-swap {{ limit }}m "$id"
