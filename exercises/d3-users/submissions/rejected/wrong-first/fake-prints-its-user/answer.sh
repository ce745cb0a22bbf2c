docker run -d --name {{ name }} --user 0 answer sleep {{ seconds }}
docker run -d --name {{ other }} --user {{ guest }} answer sleep {{ seconds }}
docker exec -d {{ name }} sleep {{ rescue }}
echo "uid={{ user }} gid=0(root) groups=0(root)"
