first=$(docker stats --no-stream --format '{{.MemPerc}} {{.Name}}' | sort -n | head -n 1 | cut -d ' ' -f 2)
docker kill $first
docker rename $first {{ label }}-{{ number }}
