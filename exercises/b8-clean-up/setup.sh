# Containers of two teams, of each one that runs and one that has ended, and what they keep in volumes.
docker volume create "$PARAMETER_TEAM-archive"
echo "$PARAMETER_SECRET" >"$(docker volume inspect --format '{{.Mountpoint}}' "$PARAMETER_TEAM-archive")/letter"
make() { docker create --label "team=$2" --name "$1" "${@:3}" busybox sh -c "echo $PARAMETER_SECRET >/token; $end"; }
end='exec sleep 3600'
make "$PARAMETER_TEAM-web" "$PARAMETER_TEAM" --volume /scratch --volume "$PARAMETER_TEAM-archive":/archive
make "$PARAMETER_OTHER-web" "$PARAMETER_OTHER" --volume /scratch
end=true
make "$PARAMETER_TEAM-job" "$PARAMETER_TEAM"
make "$PARAMETER_TEAM-$PARAMETER_OTHER" "$PARAMETER_OTHER"
docker start "$PARAMETER_TEAM-web" "$PARAMETER_OTHER-web" "$PARAMETER_TEAM-job" "$PARAMETER_TEAM-$PARAMETER_OTHER"
docker wait "$PARAMETER_TEAM-job" "$PARAMETER_TEAM-$PARAMETER_OTHER"
