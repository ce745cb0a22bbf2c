# Makes the image `exercise`: Debian with a command that stands for a download, of a block drawn afresh here.
cd "$(mktemp -d)"
line=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
cat >quarry <<SCRIPT
#!/bin/sh
[ \$# = 1 ] || { echo "usage: quarry FILE" >&2; exit 2; }
yes $line | head -c ${PARAMETER_SIZE}M >"\$1"
SCRIPT
printf '%s\n' 'FROM nilcons/debian' 'COPY --chmod=755 quarry /usr/local/bin/' >Dockerfile
docker build --quiet --network none --tag exercise . >/dev/null
echo "block $(yes "$line" | head -c "${PARAMETER_SIZE}M" | sha256sum)"
