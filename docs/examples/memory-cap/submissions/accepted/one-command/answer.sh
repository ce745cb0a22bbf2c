docker run --detach --name {{ name }} --memory {{ limit }}m busybox sleep 600
