docker run -d --name {{ name }} -p {{ outside }}:{{ inside }} {{ image }}
docker run -d --name {{ backstage }} --expose {{ local }} {{ image }}
