docker run --restart always --name {{ name }} -d nilcons/debian sleep {{ seconds }}
