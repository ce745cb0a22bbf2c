docker run --detach --name {{ name }} --restart unless-stopped busybox sleep {{ seconds }}
