# An image whose own command tells nothing, with a file in it that differs from run to run.
last=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
docker run --name making busybox sh -c "mkdir -p /opt/$PARAMETER_FOLDER/.cache && printf '%s\n' $PARAMETER_SECRET-$last >/opt/$PARAMETER_FOLDER/.cache/.$PARAMETER_FILE && printf 'nothing here\n' >/etc/$PARAMETER_FILE"
docker commit --change 'ENTRYPOINT ["/bin/echo", "This image has nothing to say."]' --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
