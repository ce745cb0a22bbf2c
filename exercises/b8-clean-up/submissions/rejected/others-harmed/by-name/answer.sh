docker rm --force --volumes $(docker ps --all --quiet --filter name=^{{ team }}-)
