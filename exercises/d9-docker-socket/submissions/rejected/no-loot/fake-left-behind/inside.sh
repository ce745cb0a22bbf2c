docker run -d --name {{ child }} busybox sleep {{ seconds }}
cat /root/private/{{ file }}
echo LOOT 0123456789abcdef
