"""Process 1 of a real run is looked at from outside; the image's configuration alone proves nothing."""

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Process

_PROMPT_MS = 2_000


def _first_process(evidence: Evidence, probe: str) -> Process | None:
    return next((one for one in evidence.probe(probe).processes if one.nspid[-1:] == (1,)), None)


def _is_shell(argv: tuple[str, ...]) -> bool:
    """Return whether this is a shell that was given its commands as an argument."""
    options = [argument for argument in argv[1:] if argument.startswith("-")]
    shell = argv[:1] and argv[0].rpartition("/")[2] in {"sh", "bash", "dash"}
    return bool(shell) and any("c" in option for option in options if not option.startswith("--"))


def _command_line(process: Process | None) -> str:
    return " ".join(process.argv) if process else "no process"


@check("The image is built", points=1)
def built(evidence: Evidence) -> Feedback | None:
    build = evidence.build
    if build.ok and any(step.title.startswith("[") and "internal" not in step.title for step in build.steps):
        probe = evidence.probe("default")
        if probe.error is None and _first_process(evidence, "default") is not None:
            return None
        return Feedback(
            "does-not-run",
            "The image was built, but its program was not running half a second after the start.",
            expected="a running program",
            actual=probe.error or (probe.stdout + probe.stderr).strip()[-300:] or f"status {probe.exit_code}",
            why="A container lives as long as its first process.",
        )
    return no_image(build)


@check("The program itself is process 1", points=1, after=("built",))
def no_shell_between(evidence: Evidence) -> Feedback | None:
    process, word = _first_process(evidence, "default"), str(evidence.parameters["word"])
    argv = process.argv if process else ()
    others = [one.argv for one in evidence.probe("default").processes if one is not process]
    # A program can be written out behind `-c`. If it is somewhere else, that process got the word.
    if not _is_shell(argv) or not any(word in argument for one in others for argument in one):
        return None
    return Feedback(
        "shell-form",
        "Process 1 is a shell that runs your program as its child.",
        expected="your program",
        actual=" ".join(argv),
        why="The shell form of ENTRYPOINT and CMD puts /bin/sh in front, and arguments and "
        "signals end there.",
    )


@check("It serves the default word when no argument is given", points=1, after=("built",))
def default_word(evidence: Evidence) -> Feedback | None:
    word = str(evidence.parameters["word"])
    process = _first_process(evidence, "default")
    if process and f"serving {word}" in evidence.probe("default").stdout.splitlines():
        return None
    return Feedback(
        "wrong-default",
        "Without arguments the container does not serve the word that it should.",
        expected=f"serving {word}",
        actual=evidence.probe("default").stdout.strip()[:200] or _command_line(process),
        why="`CMD` is the place for defaults: whoever runs the image can see and replace them.",
    )


@check("It serves another word that is given as an argument", points=1, after=("built",))
def other_word(evidence: Evidence) -> Feedback | None:
    other, word = str(evidence.parameters["unseen"]), str(evidence.parameters["word"])
    probe = evidence.probe("other")
    lines = probe.stdout.splitlines()
    if f"serving {other}" in lines and f"serving {word}" not in lines:
        return None
    return Feedback(
        "argument-ignored",
        "An argument to `docker run` does not replace the default word.",
        expected=f"serving {other}",
        actual=probe.error
        or (probe.stdout + probe.stderr).strip()[:200]
        or _command_line(_first_process(evidence, "other")),
        why="With `ENTRYPOINT` the arguments go to your program; with `CMD` alone they replace it.",
    )


@check("TERM ends it at once, with its own status", points=2, after=("built", "no_shell_between"))
def term_reaches_it(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("default")
    status = int(evidence.parameters["status"])
    if not evidence.probe("other").details.get("signalled"):
        return Feedback(
            "ends-by-itself",
            "Three seconds after its start the program was no longer running, without any signal.",
            expected="a program that runs until TERM comes",
            actual=f"status {evidence.probe('other').exit_code}",
            why="A server that ends by itself is no server, and proves nothing about signals.",
        )
    if probe.details.get("signalled") and probe.exit_code == status and probe.wall_ms < _PROMPT_MS:
        return None
    ending = (
        f"status {probe.exit_code} after {probe.wall_ms:.0f} ms"
        if probe.exit_code is not None
        else "it did not end"
    )
    return Feedback(
        "ignores-term",
        "TERM did not end the program the way it should.",
        expected=f"status {status} within {_PROMPT_MS} ms",
        actual=ending,
        why="Process 1 gets no default treatment of signals: what it does not handle, it ignores.",
    )
