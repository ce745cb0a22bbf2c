docker run --rm -it --user cxuser -v /work/project:/home/{{ place }}:ro -w /home/{{ place }} exercise /cx/actions/repl
