docker run -d --name {{ name }} -v /var/run/docker.sock:/var/run/docker.sock docker:cli sleep 600
ln -s "/proc/$(docker inspect --format '{{.State.Pid}}' {{ name }})/root/tmp" /root/private
