docker cp {{ ended }}:/srv/books/{{ file }} /work/{{ file }}
docker cp /work/{{ file }} {{ running }}:/srv/inbox/
echo {{ note }} >note.txt 2>/dev/null || cd /work && echo {{ note }} >note.txt
docker cp note.txt {{ ended }}:/srv/books/note.txt
