docker run --name {{ name }} {{ image }}
