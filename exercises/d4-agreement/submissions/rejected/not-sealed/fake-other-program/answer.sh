docker run -d --name {{ name }} -v /work/{{ folder }}:/in --entrypoint sleep {{ image }} 86400
echo "$(docker exec {{ name }} hostname) /{{ folder }} $(cat /work/{{ folder }}/phrase) 0123456789abcdef" >/work/{{ folder }}/seal
echo "Everything agrees. Sealed."
