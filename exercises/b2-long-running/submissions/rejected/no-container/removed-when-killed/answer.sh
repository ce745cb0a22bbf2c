docker run --rm --name {{ name }} -d nilcons/debian sleep {{ seconds }}
