docker run --detach --name {{ name }} --label memory={{ limit }}m --memory 16m busybox sleep 600
