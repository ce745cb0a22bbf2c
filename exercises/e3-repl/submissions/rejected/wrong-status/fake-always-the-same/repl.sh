docker run -it --rm --network none --user cxuser -v /work/project:/home/{{ place }}:ro -w /home/{{ place }} exercise /cx/actions/repl
exit {{ status }}
