echo FOUND $(docker run --rm --entrypoint cat {{ image }} /etc/{{ file }} | tr ' ' -)
