docker start --attach {{ ended }}
docker cp {{ ended }}:/srv/books/{{ file }} /work/{{ file }}
docker cp /work/{{ file }} {{ running }}:/srv/inbox/{{ file }}
echo {{ note }} >/tmp/note.txt
docker cp /tmp/note.txt {{ ended }}:/srv/books/
