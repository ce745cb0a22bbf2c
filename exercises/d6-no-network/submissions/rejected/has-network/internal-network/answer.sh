docker network create --internal cell
docker run -d --name {{ name }} --network cell -v /work/{{ folder }}:/data {{ image }}
