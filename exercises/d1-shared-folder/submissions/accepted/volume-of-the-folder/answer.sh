docker volume create --driver local --opt type=none --opt o=bind --opt device=/work/{{ folder }} shared
docker run --rm -v shared:/data {{ image }}; docker run --rm -v shared:/data {{ image }}
chown -R {{ user }} /work/{{ folder }}
docker run -d --name {{ name }} -v shared:/archive:ro busybox sleep 9999
