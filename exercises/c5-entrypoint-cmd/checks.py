"""Process 1 of a real run is looked at from outside; the image's configuration alone proves nothing."""

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Probe, Process

_PROMPT_MS = 2_000


def _first_process(evidence: Evidence, probe: str) -> Process | None:
    return next((one for one in evidence.probe(probe).processes if one.nspid[-1:] == (1,)), None)


def _is_shell(argv: tuple[str, ...]) -> bool:
    """Return whether this is a shell that was given its commands as an argument."""
    options = [argument for argument in argv[1:] if argument.startswith("-")]
    shell = argv[:1] and argv[0].rpartition("/")[2] in {"sh", "bash", "dash"}
    return bool(shell) and any("c" in option for option in options if not option.startswith("--"))


def _wrong_end(probe: Probe, status: int) -> str:
    """Return how a run ended that did not end at once, by TERM, with the status."""
    if probe.exit_code is None:
        return "it did not end"
    if probe.details.get("signalled") and probe.exit_code == status and probe.wall_ms < _PROMPT_MS:
        return ""
    return f"status {probe.exit_code} after {probe.wall_ms:.0f} ms"


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
            "The image was built, but its program ended within a second of its start.",
            expected="a running program",
            actual=probe.error or (probe.stdout + probe.stderr).strip()[-300:] or f"status {probe.exit_code}",
            why="A container lives as long as its first process.",
        )
    return no_image(build)


@check("The program itself is process 1", points=1, after=("built",))
def no_shell_between(evidence: Evidence) -> Feedback | None:
    process, word = _first_process(evidence, "default"), str(evidence.parameters["word"])
    argv = process.argv if process else ()
    # What has been forked and does not run anything of its own yet is still called like process 1.
    others = [one.argv for one in evidence.probe("default").processes if one.argv != argv]
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
    # A server that speaks when it ends serves nobody.
    said = str(evidence.probe("default").details.get("said", ""))
    if process and f"serving {word}" in said.splitlines():
        return None
    return Feedback(
        "wrong-default",
        "Without arguments the container does not serve the word that it should.",
        expected=f"serving {word}",
        actual=said.strip()[:200] or f"nothing while it runs: {_command_line(process)}",
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
    status = int(evidence.parameters["status"])
    image = evidence.engine.image("answer")
    stop = image.config.stop_signal if image else ""
    if not evidence.probe("other").details.get("signalled"):
        return Feedback(
            "ends-by-itself",
            "Three seconds after its start the program was no longer running, without any signal.",
            expected="a program that runs until TERM comes",
            actual=f"status {evidence.probe('other').exit_code}",
            why="A server that ends by itself is no server, and proves nothing about signals.",
        )
    wrong = [ending for name in ("default", "other") if (ending := _wrong_end(evidence.probe(name), status))]
    if stop and stop.upper() not in ("SIGTERM", "TERM", "15"):
        wrong.append(f"`docker stop` sends {stop}")
    if not wrong:
        return None
    return Feedback(
        "ignores-term",
        "TERM did not end the program the way it should, or is not what `docker stop` sends.",
        expected=f"status {status} within {_PROMPT_MS} ms",
        actual=wrong[0],
        why="Process 1 gets no default treatment of signals: what it does not handle, it ignores.",
    )
