docker run --rm -it --network none --user cxuser -v /work/project:/home/{{ place }}:ro -w /home/{{ place }} exercise /cx/actions/repl
