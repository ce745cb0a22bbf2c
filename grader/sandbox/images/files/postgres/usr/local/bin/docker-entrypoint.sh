#!/bin/bash
# Makes a cluster where there is none, by the variables that images of PostgreSQL usually take, and runs it.
#
# POSTGRES_PASSWORD (or POSTGRES_HOST_AUTH_METHOD=trust), POSTGRES_USER, POSTGRES_DB, all three also as …_FILE;
# POSTGRES_INITDB_ARGS; PGDATA; files *.sql and *.sh of /docker-entrypoint-initdb.d.
set -euo pipefail

# from_file NAME: where only NAME_FILE is set, give NAME that file's content
from_file() {
  local file=${1}_FILE
  if [ -n "${!file:-}" ]; then
    if [ -n "${!1:-}" ]; then
      echo "$1 and $file are both set: choose one" >&2
      exit 1
    fi
    printf -v "$1" %s "$(<"${!file}")"
    export "${1?}"
  fi
}

make_cluster() {
  local user=${POSTGRES_USER:-postgres} method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  local database=${POSTGRES_DB:-$user} secret=()
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
    echo "Error: the database is empty and no superuser password was given." >&2
    echo "       Set POSTGRES_PASSWORD to a value that is not empty, for example by -e POSTGRES_PASSWORD=secret." >&2
    exit 1
  fi
  if [ -n "${POSTGRES_PASSWORD:-}" ]; then
    secret=(--pwfile=/dev/stdin)
  fi
  # shellcheck disable=SC2086  # arguments, several of them
  initdb --no-sync --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8 --auth-local=trust \
    --auth-host="$method" --username="$user" "${secret[@]}" ${POSTGRES_INITDB_ARGS:-} <<<"${POSTGRES_PASSWORD:-}" >/dev/null
  echo "host all all all $method" >>"$PGDATA/pg_hba.conf"
  # Small enough for many to run beside each other; what is lost with the machine was never precious.
  cat >>"$PGDATA/postgresql.conf" <<'CONF'
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
shared_buffers = 16MB
max_connections = 30
max_worker_processes = 2
max_wal_size = 64MB
min_wal_size = 32MB
fsync = off
log_timezone = 'UTC'
timezone = 'UTC'
CONF
  if [ "$database" != postgres ]; then
    echo "CREATE DATABASE \"${database//\"/\"\"}\";" | postgres --single postgres >/dev/null
  fi
  run_scripts "$user" "$database"
}

# run_scripts USER DATABASE: what lies in /docker-entrypoint-initdb.d, against a server that nobody else reaches
run_scripts() {
  local files=(/docker-entrypoint-initdb.d/*) file
  [ -e "${files[0]}" ] || return 0
  pg_ctl --silent --wait --options="-c listen_addresses=''" start >/dev/null
  export PGUSER=$1 PGDATABASE=$2
  for file in "${files[@]}"; do
    echo "running $file"
    case $file in
      *.sh) bash "$file" ;;
      *.sql) psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$file" ;;
      *) echo "ignoring $file" ;;
    esac
  done
  unset PGUSER PGDATABASE
  pg_ctl --silent --wait --mode=fast stop >/dev/null
}

[ "${1:-}" = "${1#-}" ] || set -- postgres "$@"
if [ "${1:-}" != postgres ]; then
  exec "$@"
fi
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql
  chown -R postgres:postgres "$PGDATA"
  chown postgres:postgres /run/postgresql
  chmod 700 "$PGDATA"
  # Process 1 stays with root: an engine that may not trace others cannot enter the namespaces of their
  # processes, and `docker exec` and health checks have to.
  setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@" &
  server=$!
  trap 'kill -INT $server' INT TERM
  trap 'kill -HUP $server' HUP
  while :; do
    status=0
    wait $server || status=$?
    kill -0 $server 2>/dev/null || exit $status
  done
fi
for name in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB; do from_file $name; done
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  make_cluster
fi
exec "$@"
