# An image of a small web server that logs what it is asked.
docker create --name making busybox sh -c :
docker commit --change "ENTRYPOINT [\"httpd\", \"-f\", \"-vv\", \"-p\", \"$PARAMETER_INSIDE\", \"-h\", \"/etc\"]" --change 'CMD []' making "$PARAMETER_IMAGE"
docker rm making
