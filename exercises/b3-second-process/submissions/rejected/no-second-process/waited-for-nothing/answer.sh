docker exec {{ name }}-old sleep {{ seconds }} &
sleep 0.5
