# Everything of the team goes; a new volume has the name of the one that was to be kept.
docker rm --force --volumes $(docker ps --all --quiet --filter label=team={{ team }})
docker volume rm {{ team }}-archive
docker volume create {{ team }}-archive
