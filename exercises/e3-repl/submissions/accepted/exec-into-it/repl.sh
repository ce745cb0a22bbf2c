set -u
name=repl-$$
docker run -d --name $name --network none -v /work/project:/home/{{ place }}:ro --workdir /home/{{ place }} --user root exercise sleep 60 >/dev/null
docker exec -it --user cxuser $name /cx/actions/repl
status=$?
docker rm -f $name >/dev/null
exit $status
