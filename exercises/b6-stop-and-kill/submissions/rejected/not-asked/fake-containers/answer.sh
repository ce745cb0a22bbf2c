docker rm --force {{ polite }} {{ stubborn }} {{ doomed }}
docker run --name {{ polite }} busybox sh -c 'mkdir /var/notes; echo TERM >/var/notes/signals; exit {{ code }}'
