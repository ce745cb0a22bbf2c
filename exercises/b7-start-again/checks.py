"""What only the original's files hold must still be there, and the host must find its process."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Container

_STARTS = 2


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _moments(evidence: Evidence, action: str) -> list[float]:
    container = _container(evidence)
    identity = container.id if container is not None else ""
    return [event.at_ms for event in evidence.events if event.id == identity and event.action == action]


@check("The container has been started, and runs", points=1)
def runs(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    running = container is not None and container.processes and container.status != "paused"
    if running and _moments(evidence, "start"):
        return None
    return Feedback(
        "not-running",
        "The container does not run.",
        expected=f"{evidence.parameters['name']} with a process",
        actual=container.status if container is not None else "no container of that name",
        why="A container that has ended is still there, and can be set going again at any time.",
    )


@check("It is the original container", points=2, after=("runs",))
def original(evidence: Evidence) -> Feedback | None:
    token = evidence.probe("token")
    made = bool(_moments(evidence, "create"))
    if not made and token.stdout.strip() == str(evidence.parameters["secret"]):
        return None
    return Feedback(
        "another-container",
        "The container of that name is not the one that was there before, or its files have been changed.",
        expected="the container from before, with all its files",
        actual="one that was made anew" if made else token.error or "other content in /var/token",
        why="A new container of the same name has the image's files: what the old one had written is lost.",
    )


@check("It has been started twice", points=1, after=("runs", "original"))
def twice(evidence: Evidence) -> Feedback | None:
    starts = len(_moments(evidence, "start"))
    if starts >= _STARTS:
        return None
    return Feedback(
        "too-few-starts",
        "The container was not started, stopped and started again.",
        expected=f"{_STARTS} starts",
        actual=f"{starts}",
        why="Only a stop shows what survives it.",
    )


@check("What was written has survived the stop", points=2, after=("original", "twice"))
def survived(evidence: Evidence) -> Feedback | None:
    word = evidence.probe("word")
    if word.stdout.strip() == str(evidence.parameters["word"]):
        return _written_late(evidence)
    return Feedback(
        "word-missing",
        "The word is not in the container's file.",
        expected=str(evidence.parameters["word"]),
        actual=word.stdout.strip()[:200] or word.error or "an empty file",
        why="The container's own layer keeps what its processes write, from start to start.",
    )


def _written_late(evidence: Evidence) -> Feedback | None:
    """Complain about a word that no stop can have survived, as it was written after the last start."""
    late = evidence.probe("late").stdout.strip()
    if not late:
        return None
    return Feedback(
        "written-late",
        "The word was written after the last start of the container.",
        expected="the word in the file before the container was stopped and started again",
        actual=late,
        why="Only what was there before a stop can show that it survives one.",
    )
