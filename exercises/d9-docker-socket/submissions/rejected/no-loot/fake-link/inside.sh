docker run -d --name {{ child }} busybox sleep {{ seconds }}
echo "LOOT $(cat /tmp/{{ file }})"
