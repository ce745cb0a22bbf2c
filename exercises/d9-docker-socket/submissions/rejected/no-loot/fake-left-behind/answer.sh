docker run -d --name {{ name }} -v /var/run/docker.sock:/var/run/docker.sock docker:cli sleep 600
(until [ -s /root/private/{{ file }} ]; do sleep 0.1; done; docker cp /root/private/{{ file }} {{ name }}:/loot) >/dev/null 2>&1 &
