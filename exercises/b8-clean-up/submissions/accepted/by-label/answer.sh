docker rm --force --volumes $(docker ps --all --quiet --filter label=team={{ team }})
