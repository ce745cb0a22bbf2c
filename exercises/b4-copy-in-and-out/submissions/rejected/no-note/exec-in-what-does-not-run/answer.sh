docker cp {{ ended }}:/srv/books/{{ file }} /work/{{ file }}
docker cp /work/{{ file }} {{ running }}:/srv/inbox/{{ file }}
docker exec {{ ended }} sh -c 'echo {{ note }} >/srv/books/note.txt'
