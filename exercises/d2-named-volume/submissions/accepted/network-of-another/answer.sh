docker run -d --name other busybox sleep 1000
docker volume create {{ volume }}
docker run --rm --network container:other -v {{ volume }}:/data {{ image }}
docker run --rm --network container:other -v {{ volume }}:/data {{ image }}
docker run -d --network container:other --name {{ name }} -v {{ volume }}:/data {{ image }} stay
