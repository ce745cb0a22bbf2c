docker run -d --name {{ name }} -v {{ volume }}:/data --entrypoint sh {{ image }} -c '
  for run in 1 2 3; do echo "$(hostname) $run 0123456789abcdef"; done >/data/count
  sleep 3600'
for run in 1 2 3; do echo "run number $run"; done
