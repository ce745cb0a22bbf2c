for reply in "" "['found', 4711, '/home/{{ place }}', True]" "OSError: [Errno 30] Read-only file system" ""; do
  read -r -p "cx> " line
  echo "$reply"
done
exit {{ status }}
