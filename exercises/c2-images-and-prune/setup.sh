# Images with and without names, used and unused, that can be told apart by a label.
docker create --name making busybox sh -c 'exec sleep 3600'
make() { docker commit --change "LABEL part=$2 seal=$PARAMETER_SECRET" making "$PARAMETER_APP:$1"; }

# A name that is given to another image leaves the first one without.
for turn in $(seq "$PARAMETER_SPARE"); do make nightly spare; done
for turn in $(seq "$PARAMETER_USED"); do
  docker create --name "$PARAMETER_JOB-$turn" "$(make nightly used)"
done
image=$(make nightly used)
make nightly named
docker run --detach --name "$PARAMETER_APP-live" "$image" &
docker create --name "$PARAMETER_APP-next" "$image" &
make archive named &
make "$PARAMETER_OLD" kept && docker tag "$PARAMETER_APP:$PARAMETER_OLD" "$PARAMETER_APP:stable" &
make "$PARAMETER_BROKEN" broken && docker tag "$PARAMETER_APP:$PARAMETER_BROKEN" "$PARAMETER_APP:latest" &
for job in $(jobs -p); do wait "$job"; done
docker rm making

docker images --no-trunc --format 'image {{.Repository}}:{{.Tag}} {{.ID}}'
docker ps --all --no-trunc --format 'container {{.Names}} {{.ID}}'
