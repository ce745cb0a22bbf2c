docker run --rm {{ image }}
docker run --rm {{ image }}
docker volume create {{ volume }}
docker run -d --name {{ name }} {{ image }} stay
