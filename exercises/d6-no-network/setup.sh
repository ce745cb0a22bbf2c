# A collector that writes down what it is told, and a program that works, and tells.
mkdir "/work/$PARAMETER_FOLDER"
{ echo "private $PARAMETER_SECRET"; od -An -N400 -tx2 /dev/urandom; } >"/work/$PARAMETER_FOLDER/text"
docker run --detach --name collector --publish "$PARAMETER_PORT:7000" busybox sh -c 'echo collector of '"$PARAMETER_SECRET"' >/told; printf "#!/bin/sh\nhead -c 100 >>/told\n" >/take; chmod 755 /take; exec nc -ll -p 7000 -e /take' &
cd "$(mktemp -d)"
cat >work <<END
#!/bin/sh
[ -s /data/text ] || { echo "There is no /data/text." >&2; exit 1; }
gateway=\$(ip route | sed -n 's/^default via \([0-9.]*\) .*/\1/p')
[ -z "\$gateway" ] || echo "told by \$(hostname)" | nc -w 1 "\$gateway" $PARAMETER_PORT >/dev/null 2>&1
line="\$(hostname) \$(wc -w </data/text) \$(sha256sum </data/text | cut -c1-8)"
echo "\$line \$(echo "$PARAMETER_SECRET \$line" | sha256sum | cut -c1-16)" >/data/result
exec sleep 86400
END
chmod 755 work
docker create --name making busybox
docker cp work making:/usr/local/bin/work
docker commit --change 'ENTRYPOINT ["/usr/local/bin/work"]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
wait
