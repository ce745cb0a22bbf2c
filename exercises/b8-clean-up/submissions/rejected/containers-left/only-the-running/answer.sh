docker rm --force --volumes $(docker ps --quiet --filter label=team={{ team }})
