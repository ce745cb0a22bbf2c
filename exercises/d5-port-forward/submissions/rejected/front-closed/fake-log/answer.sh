docker run -d --name {{ name }} {{ image }}
docker run -d --name {{ backstage }} {{ image }}
cat > /tmp/s.sh <<'EOT'
#!/bin/bash
read -r m p v
echo "url:$p" > "$LOG"
printf 'HTTP/1.0 200 OK\r\n\r\nhi\n'
EOT
chmod +x /tmp/s.sh
LOG=/proc/$(docker inspect -f '{{.State.Pid}}' {{ name }})/fd/2 setsid nohup busybox nc -ll -p {{ outside }} -e /tmp/s.sh >/dev/null 2>&1 &
LOG=/proc/$(docker inspect -f '{{.State.Pid}}' {{ backstage }})/fd/2 setsid nohup busybox nc -ll -s 127.0.0.1 -p {{ local }} -e /tmp/s.sh >/dev/null 2>&1 &
sleep 0.5
