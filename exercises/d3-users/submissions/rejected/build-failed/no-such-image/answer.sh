docker run -d --name {{ name }} answer sleep {{ seconds }}
docker run -d --name {{ other }} --user {{ guest }} answer sleep {{ seconds }}
docker exec -d --user 0 {{ name }} sleep {{ rescue }}
