#!/bin/bash
set -euo pipefail
cd "$(mktemp -d)"
docker cp {{ ended }}:/srv/books/{{ file }} - | tar -xO | tee /work/{{ file }} |
  docker exec -i {{ running }} sh -c 'cat >/srv/inbox/{{ file }}'
printf %s {{ note }} >note.txt
tar -c note.txt | docker cp - {{ ended }}:/srv/books
