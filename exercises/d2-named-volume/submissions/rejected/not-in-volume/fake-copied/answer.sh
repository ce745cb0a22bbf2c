docker run --rm -v elsewhere:/data {{ image }}
docker run --rm -v elsewhere:/data {{ image }}
docker run --rm -v elsewhere:/from -v {{ volume }}:/data busybox cp /from/count /data/count
docker run --rm -v {{ volume }}:/data busybox true
docker run -d --name {{ name }} -v {{ volume }}:/data {{ image }} stay
