docker run --volume /work:/work nilcons/debian bash -c 'dpkg --install /work/{{ tool }}.deb && {{ tool }} {{ word }} >/work/receipt.txt'
