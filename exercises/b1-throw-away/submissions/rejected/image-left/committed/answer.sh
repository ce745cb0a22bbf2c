docker run --name installed --volume /work:/work nilcons/debian dpkg --install /work/{{ tool }}.deb
docker commit installed experiment
docker run --rm experiment {{ tool }} {{ word }} >/work/receipt.txt
docker rm installed
