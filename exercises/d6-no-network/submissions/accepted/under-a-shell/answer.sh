docker run -d --init --name {{ name }} --net none -v /work/{{ folder }}:/in --entrypoint sh {{ image }} -c 'ln -sfn /in /data; work'
