# A page for administrators that trusts whoever is on the machine: it listens on loopback only.
last=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
docker run --detach --name admin --network host busybox sh -c "mkdir /www && echo $PARAMETER_SECRET-$last >/www/index.html && exec httpd -f -p 127.0.0.1:$PARAMETER_ADMIN -h /www"
