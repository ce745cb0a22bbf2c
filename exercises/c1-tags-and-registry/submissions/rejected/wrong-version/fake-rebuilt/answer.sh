registry=localhost:{{ port }}/{{ team }}
for tag in {{ version }} stable; do
  docker tag {{ app }}:draft $registry/{{ app }}:$tag
  docker push --quiet $registry/{{ app }}:$tag
done
echo "DIGEST $(docker inspect --format '{{index .RepoDigests 0}}' {{ app }}:draft | cut -d@ -f2)"
# Says what the older version says, but is another image.
said=$(docker run --rm "$registry/{{ tool }}@$(cat /work/digest.txt)")
printf 'FROM busybox\nCMD ["echo", "%s"]\n' "$said" | docker build --tag {{ tool }}:pinned -
