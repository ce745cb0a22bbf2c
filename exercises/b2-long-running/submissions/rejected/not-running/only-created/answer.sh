docker create --restart unless-stopped --name {{ name }} nilcons/debian sleep {{ seconds }}
