docker cp {{ ended }}:/srv/books/{{ file }} /work/{{ file }}
docker exec {{ running }} touch /srv/inbox/{{ file }}
