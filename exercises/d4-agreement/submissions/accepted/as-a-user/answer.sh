printf '{{ where }}=/x y/{{ folder }}\n{{ what }}=%s\n' "$(cat /work/{{ folder }}/phrase)" > /tmp/e
chmod 777 /work/{{ folder }}
docker run --init --user 1000:1000 -d --rm --env-file=/tmp/e --name {{ name }} -v "/work/{{ folder }}:/x y/{{ folder }}" {{ image }}
