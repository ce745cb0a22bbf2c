docker run -d --name {{ name }} -v /var/run/docker.sock:/var/run/docker.sock -v /usr/bin/docker:/usr/bin/docker nilcons/debian sleep 600
