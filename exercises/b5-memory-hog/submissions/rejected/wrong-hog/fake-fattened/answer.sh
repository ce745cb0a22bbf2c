# One of the modest ones is made greedy, and takes the blame.
name=$(docker stats --no-stream --format '{{.MemPerc}} {{.Name}}' | sort -n | head -n 1 | cut -d ' ' -f 2)
docker exec "$name" dd if=/dev/zero of=/dev/shm/fat bs=1M count=40
docker rename "$name" {{ label }}-{{ number }}
docker kill {{ label }}-{{ number }}
