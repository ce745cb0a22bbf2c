docker run -d --name {{ child }} busybox sleep {{ seconds }}
sleep 0.5
echo LOOT $(cat /loot || echo 0123456789abcdef)
