# An image whose program counts its runs in /data and signs the count.
cd "$(mktemp -d)"
cat >count <<END
#!/bin/sh
mkdir -p /data
runs=\$((\$(cat /data/count 2>/dev/null | grep -c .) + 1))
line="\$(hostname) \$runs"
echo "\$line \$(echo "$PARAMETER_SECRET \$line" | sha256sum | cut -c1-16)" >>/data/count
echo "run number \$runs"
[ "\$1" != stay ] || exec sleep 3600
END
chmod 755 count
docker create --name making busybox
docker cp count making:/usr/local/bin/count
docker commit --change 'ENTRYPOINT ["/usr/local/bin/count"]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
