docker run --rm -i --network none --user cxuser -v /work/project:/home/{{ place }}:ro -w /home/{{ place }} exercise /cx/actions/repl
