# A collector that logs what it is told, and a program that works, and tells. Which container it is in is
# told by where the engine keeps that container's files: a host name can be chosen.
mkdir "/work/$PARAMETER_FOLDER"
{ echo "private $PARAMETER_SECRET"; od -An -N400 -tx2 /dev/urandom; } >"/work/$PARAMETER_FOLDER/text"
docker run --detach --name collector --publish "$PARAMETER_PORT:7000" busybox sh -c 'printf "#!/bin/sh\necho told: \$(head -c 100) >/proc/1/fd/1\n" >/take; chmod 755 /take; exec nc -ll -p 7000 -e /take' &
cd "$(mktemp -d)"
cat >work <<END
#!/bin/sh
[ -s /data/text ] || { echo "There is no /data/text." >&2; exit 1; }
gateway=\$(ip route | sed -n 's/^default via \([0-9.]*\) .*/\1/p')
[ -z "\$gateway" ] || echo "I am at work in \$(hostname)" | nc -w 1 "\$gateway" $PARAMETER_PORT >/dev/null 2>&1
id=\$(sed -n 's,.*/containers/\([0-9a-f]\{12\}\)[0-9a-f]*/hostname .*,\1,p' /proc/self/mountinfo | head -n 1)
line="\$id \$(wc -w </data/text) \$(sha256sum </data/text | cut -c1-8)"
echo "\$line \$(echo "$PARAMETER_SECRET \$line" | sha256sum | cut -c1-16)" >/data/result
exec sleep 86400
END
chmod 755 work
docker create --name making busybox
docker cp work making:/usr/local/bin/work
docker commit --change 'ENTRYPOINT ["/usr/local/bin/work"]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
wait
