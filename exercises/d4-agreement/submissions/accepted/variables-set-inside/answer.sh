docker run -d --name {{ name }} -v /work/{{ folder }}:/f --entrypoint sh {{ image }} -c 'export {{ where }}=/f {{ what }}="$(cat /f/phrase)"; exec insist'
