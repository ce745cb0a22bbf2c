docker run --rm -it --network none --user cxuser -v /work/project:/home/{{ place }}:ro exercise /cx/actions/repl
