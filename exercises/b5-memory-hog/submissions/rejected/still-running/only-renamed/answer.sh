hog=$(docker stats --no-stream --format "{{.MemPerc}} {{.Name}}" | sort -n | tail -n 1 | cut -d " " -f 2)
docker rename $hog {{ label }}-{{ number }}
