docker run -d --name {{ name }} -p 127.0.0.1:{{ outside }}:{{ inside }} {{ image }}
docker run -d --name {{ backstage }} -p 127.0.0.1:{{ local }}:{{ inside }} {{ image }}
