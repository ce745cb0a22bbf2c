for visit in 1 2; do
  id=$(docker run -d busybox true)
  echo "${id:0:12} /{{ folder }} $((visit - 1)) 0123456789abcdef" >>/work/{{ folder }}/{{ book }}
  docker rm -f $id >/dev/null
  echo "Signed /data/{{ book }}."
done
chown {{ user }} /work/{{ folder }}/{{ book }}
docker run -d --name {{ name }} -v /work/{{ folder }}:/archive:ro busybox sleep 600
