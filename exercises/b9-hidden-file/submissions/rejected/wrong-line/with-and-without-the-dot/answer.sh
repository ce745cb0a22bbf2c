docker run --rm --entrypoint sh {{ image }} -c '
  for file in $(find / -xdev -name "*{{ file }}" -type f); do echo "FOUND $(cat "$file")"; done'
