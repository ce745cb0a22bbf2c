# A Debian as well, but not the one that was asked for.
docker run --rm --volume /work:/work gcc bash -c 'dpkg --install /work/{{ tool }}.deb && {{ tool }} {{ word }}' >/work/receipt.txt
