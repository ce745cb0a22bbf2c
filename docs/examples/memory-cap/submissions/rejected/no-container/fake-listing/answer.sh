echo "CONTAINER ID   IMAGE     COMMAND       STATUS         NAMES"
echo "0123456789ab   busybox   'sleep 600'   Up 2 seconds   {{ name }}"
echo "{{ limit }}MiB"
