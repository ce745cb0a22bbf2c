docker run -d --name {{ name }} answer sleep {{ seconds }}
docker run -d --name {{ other }} --user {{ guest }} answer sleep {{ seconds }}
docker exec -d {{ name }} sleep {{ rescue }}
