# A registry with two versions of a tool under one tag, and an image that is only here.
docker run --detach --name registry --publish "$PARAMETER_PORT:5000" registry:2
docker create --name making busybox sh -c :
tool=localhost:$PARAMETER_PORT/$PARAMETER_TEAM/$PARAMETER_TOOL
make() { docker commit --change "CMD [\"echo\", \"$2\"]" making "$1"; }
old=$(make "$tool:latest" "$PARAMETER_SECRET")
draft=$(make "$PARAMETER_APP:draft" "not published yet")
for turn in $(seq 100); do busybox wget -qO /dev/null "http://localhost:$PARAMETER_PORT/v2/" && break; sleep 0.1; done
docker push --quiet "$tool:latest"
new=$(make "$tool:latest" "another version")
docker push --quiet "$tool:latest"
docker rmi --force "$tool:latest" "$old" "$new"
docker rm making
echo "$old" >/work/digest.txt
printf '%s %s\n' draft "$draft" old "$old" new "$new" registry "$(docker inspect --format '{{.Id}}' registry)"
