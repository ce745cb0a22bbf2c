docker run --rm {{ image }}
echo FOUND {{ file }}-0123456789ab
