echo FOUND $(docker run --entrypoint sh {{ image }} -c 'cat $(find / -xdev -name .{{ file }} -type f)')
