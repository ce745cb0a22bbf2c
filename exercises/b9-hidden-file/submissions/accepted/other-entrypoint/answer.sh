echo FOUND $(docker run --rm --entrypoint sh {{ image }} -c 'cat $(find / -xdev -name .{{ file }} -type f)')
