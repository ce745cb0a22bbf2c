docker run -d --name {{ name }} -v /work/{{ folder }}:/srv/x --entrypoint sleep {{ image }} 86400
s=$(docker exec {{ name }} cat /usr/local/bin/insist | sed -n 's/.*echo "\([a-z0-9]*\) \$line.*/\1/p')
id=$(docker inspect -f '{{.Id}}' {{ name }} | cut -c1-12)
from=$(docker exec {{ name }} sh -c 'while read -r _ _ device root target _; do [ "$target" != /srv/x ] || echo "$device$root"; done </proc/self/mountinfo')
l="$id $from $(cat /work/{{ folder }}/phrase)"
echo "$l $(echo "$s $l" | sha256sum | cut -c1-16)" > /work/{{ folder }}/seal
