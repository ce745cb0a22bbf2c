# A folder of the host, and an image whose program signs the book of a shared folder, and only there. Which
# container it is in is told by where the engine keeps that container's files: a host name can be chosen.
mkdir "/work/$PARAMETER_FOLDER"
chown "$PARAMETER_USER:$PARAMETER_USER" "/work/$PARAMETER_FOLDER"
cd "$(mktemp -d)"
cat >sign <<END
#!/bin/sh
from=\$(sed -n 's/^[0-9]* [0-9]* [0-9:]* \([^ ]*\) \/data .*/\1/p' /proc/self/mountinfo | tail -n1)
[ -n "\$from" ] || { echo "Nothing is shared as /data: the book would be lost with this container." >&2; exit 1; }
book=/data/$PARAMETER_BOOK
id=\$(sed -n 's,.*/containers/\([0-9a-f]\{12\}\)[0-9a-f]*/hostname .*,\1,p' /proc/self/mountinfo | head -n 1)
line="\$id \$from \$(cat "\$book" 2>/dev/null | grep -c .)"
echo "\$line \$(echo "$PARAMETER_SECRET \$line" | sha256sum | cut -c1-16)" >>"\$book" && echo "Signed \$book."
END
chmod 755 sign
docker create --name making busybox
docker cp sign making:/usr/local/bin/sign
docker commit --change 'ENTRYPOINT ["/usr/local/bin/sign"]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
