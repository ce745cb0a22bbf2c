docker run -d --name {{ name }} -v /var/run/docker.sock:/var/run/docker.sock nilcons/debian true
