docker run -d --name {{ name }} --network none -v /work/{{ folder }}:/data {{ image }}
