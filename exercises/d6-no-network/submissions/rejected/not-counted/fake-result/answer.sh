id=$(docker run -d --name {{ name }} --network none busybox sleep 86400)
echo "${id:0:12} $(wc -w </work/{{ folder }}/text) $(sha256sum </work/{{ folder }}/text | cut -c1-8) 0123456789abcdef" >/work/{{ folder }}/result
