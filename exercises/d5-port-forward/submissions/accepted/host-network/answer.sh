docker run -d --name {{ name }} --network host {{ image }} -p {{ outside }}
docker run -d --name {{ backstage }} --network host {{ image }} -p 127.0.0.1:{{ local }}
