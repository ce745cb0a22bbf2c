docker rmi {{ image }} >/dev/null
docker run --name making busybox sh -c 'echo mine-0123456789ab >/.{{ file }}'
docker commit making {{ image }} >/dev/null
docker rm making >/dev/null
echo FOUND mine-0123456789ab
