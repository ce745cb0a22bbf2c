docker run -d --name {{ child }} busybox sleep {{ seconds }}
