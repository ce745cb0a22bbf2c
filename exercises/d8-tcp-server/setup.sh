# A server that listens on a port which the task does not tell, and writes down what it is sent.
cd "$(mktemp -d)"
cat >reply <<END
#!/bin/sh
# Only what came through a connection to the server's port is answered.
inode=\$(readlink "/proc/\$\$/fd/0" | tr -dc 0-9)
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ":$(printf %04X "$PARAMETER_PORT") .* \${inode:-none} " || { echo "This is no connection to the server." >&2; exit 1; }
read -r line || [ -n "\$line" ] || exit
line=\$(echo "\$line" | tr -d '\r' | cut -c1-60)
text="\$(od -An -N4 -tx1 /dev/urandom | tr -d ' ') \$line"
receipt=\$(echo "$PARAMETER_SECRET \$text" | sha256sum | cut -c1-16)
echo "\$receipt \$text" >>/var/log/requests
echo "RECEIPT \$receipt"
END
chmod 755 reply
docker create --name "$PARAMETER_NAME" busybox sh -c "mkdir -p /var/log && : >/var/log/requests && exec nc -ll -p $PARAMETER_PORT -e /usr/local/bin/reply"
docker cp reply "$PARAMETER_NAME:/usr/local/bin/reply"
docker start "$PARAMETER_NAME"
