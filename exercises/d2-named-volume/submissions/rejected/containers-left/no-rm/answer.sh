docker run -v {{ volume }}:/data {{ image }}
docker run -v {{ volume }}:/data {{ image }}
docker run -d --name {{ name }} -v {{ volume }}:/data {{ image }} stay
