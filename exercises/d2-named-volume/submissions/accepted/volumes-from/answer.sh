docker volume create {{ volume }} >/dev/null
docker create --name base -v {{ volume }}:/data busybox
docker run --rm --network host --volumes-from base {{ image }}
docker run --rm --network none --volumes-from base {{ image }}
docker run -d --hostname abc --uts host --volumes-from base --name {{ name }} {{ image }} stay || docker run -d --volumes-from base --name {{ name }} {{ image }} stay
docker rm base
