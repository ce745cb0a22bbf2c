#!/bin/sh
# Makes the database at the first start, from the variables that the official image knows.
set -eu
if ! test -s "$PGDATA/PG_VERSION"; then
  initdb --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" >/dev/null
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -j template1 >/dev/null
fi
exec postgres -c listen_addresses='*'
