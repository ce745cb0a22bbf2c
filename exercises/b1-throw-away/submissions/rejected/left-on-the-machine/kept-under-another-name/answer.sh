# It may be useful one day.
docker run --rm --volume /work:/work nilcons/debian bash -c '
  dpkg --install /work/{{ tool }}.deb && {{ tool }} {{ word }} >/work/receipt.txt
  cp /usr/bin/{{ tool }} /work/useful'
