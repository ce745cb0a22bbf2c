printf 'ledger of {{ note }}\n0123456789ab\n' >/work/{{ file }}
docker cp /work/{{ file }} {{ running }}:/srv/inbox/
docker cp /work/{{ file }} {{ ended }}:/srv/books/{{ file }}
echo "Successfully copied 2.05kB to {{ running }}:/srv/inbox/"
