docker run --restart unless-stopped --name {{ name }} -d nilcons/debian sleep {{ seconds }}
docker stop --time 0 {{ name }}
echo "Up 2 seconds"
