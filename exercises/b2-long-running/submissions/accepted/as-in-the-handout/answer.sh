docker run --restart unless-stopped --name {{ name }} -d nilcons/debian sleep {{ seconds }}
