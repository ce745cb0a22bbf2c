docker run --name {{ name }} -d nilcons/debian sleep {{ seconds }}
