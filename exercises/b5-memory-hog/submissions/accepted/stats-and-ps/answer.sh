hog=$(docker stats --no-stream --format '{{.MemPerc}} {{.Name}}' | sort -n | tail -n 1 | cut -d ' ' -f 2)
docker rename $hog {{ label }}-{{ number }}
docker stop --time 0 {{ label }}-{{ number }}
docker ps --all --filter status=exited --format '{{.Names}}' | while read name; do
  code=$(docker inspect --format '{{.State.ExitCode}}' $name)
  case $code in 0|137) ;; *) echo FAILED $name $code ;; esac
done
