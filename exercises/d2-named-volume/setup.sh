# An image whose program counts its runs in /data and signs the count. Which container it is in is told by
# where the engine keeps that container's files: a host name can be chosen.
cd "$(mktemp -d)"
cat >count <<END
#!/bin/sh
mkdir -p /data
runs=\$((\$(cat /data/count 2>/dev/null | grep -c .) + 1))
id=\$(sed -n 's,.*/containers/\([0-9a-f]\{12\}\)[0-9a-f]*/hostname .*,\1,p' /proc/self/mountinfo | head -n 1)
line="\$id \$runs"
echo "\$line \$(echo "$PARAMETER_SECRET \$line" | sha256sum | cut -c1-16)" >>/data/count
echo "run number \$runs"
[ "\$1" != stay ] || exec sleep 3600
END
chmod 755 count
docker create --name making busybox
docker cp count making:/usr/local/bin/count
docker commit --change 'ENTRYPOINT ["/usr/local/bin/count"]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
