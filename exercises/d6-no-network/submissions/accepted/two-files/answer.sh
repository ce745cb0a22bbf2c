: > /work/{{ folder }}/result
docker run -d --read-only --restart unless-stopped --cap-drop ALL --hostname x --name={{ name }} --net=none \
  -v /work/{{ folder }}/text:/data/text:ro -v /work/{{ folder }}/result:/data/result {{ image }}
