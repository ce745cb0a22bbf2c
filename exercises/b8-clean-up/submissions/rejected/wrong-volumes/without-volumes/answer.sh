docker rm --force $(docker ps --all --quiet --filter label=team={{ team }})
