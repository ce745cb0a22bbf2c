docker run -d --name {{ name }} -p {{ outside }}:{{ inside }} {{ image }}
docker run -d --name {{ backstage }} -p 127.0.0.1:{{ local }}:{{ inside }} -p {{ inside }} {{ image }}
