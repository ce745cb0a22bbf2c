docker create --name {{ name }} --memory {{ limit }}m busybox sleep 600
