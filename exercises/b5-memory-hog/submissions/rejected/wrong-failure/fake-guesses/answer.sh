hog=$(docker stats --no-stream --format "{{.MemPerc}} {{.Name}}" | sort -n | tail -n 1 | cut -d " " -f 2)
docker rename $hog {{ label }}-{{ number }}
docker kill {{ label }}-{{ number }}
for insect in ant bee cricket dragonfly earwig firefly; do echo FAILED $insect 1; done
