docker run -d --name {{ name }} -v /work/{{ folder }}:/in -e {{ where }}=/in -e {{ what }}=$(cat /work/{{ folder }}/phrase) {{ image }}
