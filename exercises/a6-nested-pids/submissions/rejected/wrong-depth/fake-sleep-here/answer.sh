# Starts the sleep without any namespace and invents the inner ids.
sleep {{ seconds }} &
echo "PIDS $! 2 1"
