docker run --rm -it --network none -v /work/project:/home/{{ place }}:ro -w /home/{{ place }} exercise /cx/actions/repl
