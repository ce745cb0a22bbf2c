docker run -d --name {{ name }} {{ image }}
docker run -d --name {{ backstage }} {{ image }}
busybox httpd -p {{ outside }} -h /etc
busybox httpd -p 127.0.0.1:{{ local }} -h /etc
