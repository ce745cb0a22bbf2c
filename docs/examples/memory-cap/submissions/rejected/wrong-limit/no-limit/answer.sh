docker run --detach --name {{ name }} busybox sleep 600
