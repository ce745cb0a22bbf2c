docker run -d --name {{ name }} -p {{ outside }}:{{ inside }} {{ image }}
docker run -d --name {{ backstage }} -p 127.0.0.1:{{ local }}:{{ inside }} {{ image }}
docker run -d --link {{ backstage }}:second -p 31000:80 busybox nc -ll -p 80 -e nc second {{ inside }}
