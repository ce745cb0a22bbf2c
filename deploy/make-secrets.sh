#!/bin/sh
# Makes what docker-compose.yml reads as secrets, once: files that are there stay as they are.
set -eu
umask 077
folder=${GRADER_SECRETS_DIR:-$(dirname "$0")/secrets}
mkdir -p "$folder"

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# Readable by all, in a folder that is not: containers see each file by itself and have users of their own.
keep() {
  test -s "$folder/$1" || { printf '%s\n' "$2" >"$folder/$1"; echo "made $folder/$1"; }
  chmod 444 "$folder/$1"
}

keep postgres_password "$(random 16)"
keep database_url "postgresql://grader:$(cat "$folder/postgres_password")@postgres:5432/grader"
keep redis_password "$(random 16)"
keep redis_config "requirepass $(cat "$folder/redis_password")"
keep redis_url "redis://:$(cat "$folder/redis_password")@redis:6379/0"
keep session_key "$(random 32)"
keep workshop_secret "$(random 32)"
keep instructor_password "$(random 10)"
keep join_code "$(random 4)"
echo "participants join with the code $(cat "$folder/join_code")"
echo "instructors sign in as instructor with what is in $folder/instructor_password"
