# Makes the image `exercise`: a command that reveals a value, drawn afresh here, once everything is in its place.
mkdir /work/oracle && cd /work/oracle
head -c 9 /dev/urandom | base64 | tr '+/' 'xy' >oracle.value
cat >oracle <<SCRIPT
#!/bin/bash
house=/home/oracle/house
for room in "$PARAMETER_FIRST" "$PARAMETER_FIRST/empty" "$PARAMETER_SECOND"; do
  [ -d "\$house/\$room" ] || { echo "missing folder: \$house/\$room"; exit 1; }
done
[ -z "\$(ls -A "\$house/$PARAMETER_FIRST/empty")" ] || { echo "not empty: \$house/$PARAMETER_FIRST/empty"; exit 1; }
file=\$house/$PARAMETER_SECOND/word.txt
[ -f "\$file" ] || { echo "missing file: \$file"; exit 1; }
[ -O "\$file" ] || { echo "not mine: \$file"; exit 1; }
[ "\$(tr -d '\r' <"\$file")" = "$PARAMETER_WORD" ] || { echo "another word in \$file"; exit 1; }
[ "\$(id -un)" = oracle ] || { echo "not run by the oracle"; exit 1; }
echo "revealed: \$(cat /usr/local/lib/oracle.value)"
SCRIPT
cat >Dockerfile <<'DOCKERFILE'
FROM nilcons/debian
RUN useradd --create-home --uid 1717 oracle
COPY --chown=1717 --chmod=400 oracle.value /usr/local/lib/
COPY --chmod=755 oracle /usr/local/bin/
USER oracle
WORKDIR /home/oracle
ENTRYPOINT ["/usr/local/bin/oracle"]
DOCKERFILE
docker build --quiet --network none --tag exercise . >/dev/null
