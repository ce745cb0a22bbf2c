"""The host's own view of the container's processes: which there are, whose, and in which namespaces."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Container, Process

_SHARED = ("pid", "mnt", "net", "uts", "ipc")
_WORD = "TICKET"


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _members(evidence: Evidence) -> list[Process]:
    """Return the processes that the host found in the container's control group at the last look."""
    container = _container(evidence)
    inside = frozenset(container.processes) if container is not None else frozenset()
    return [process for process in evidence.processes.living() if process.pid in inside]


def _first(evidence: Evidence) -> Process | None:
    return next((process for process in _members(evidence) if process.nspid[-1:] == (1,)), None)


def _is_wanted(evidence: Evidence, process: Process) -> bool:
    words = " ".join(process.argv[-2:])
    wanted = f"sleep {evidence.parameters['seconds']}"
    return process.nspid[-1:] != (1,) and words.rpartition("/")[2] == wanted


def _second(evidence: Evidence) -> list[Process]:
    first = _first(evidence)
    return [
        process
        for process in _members(evidence)
        if first is not None
        and _is_wanted(evidence, process)
        and all(process.namespaces.get(kind) == first.namespaces.get(kind) for kind in _SHARED)
    ]


@check("The second process runs in the container", points=2)
def second(evidence: Evidence) -> Feedback | None:
    if _second(evidence):
        return None
    container = _container(evidence)
    inside = "; ".join(" ".join(process.argv) for process in _members(evidence))
    elsewhere = any(_is_wanted(evidence, process) for process in evidence.processes.living())
    state = f"in the container: {inside or 'nothing'}" if container is not None else "the container is gone"
    return Feedback(
        "no-second-process",
        "That process does not run in the container, in all of its namespaces and in its control group.",
        expected=f"sleep {evidence.parameters['seconds']} beside the container's first process",
        actual=f"{state}{'; such a sleep runs elsewhere' if elsewhere else ''}",
        why="Limits and isolation only hold for what is in both: namespaces say what a process sees, the "
        "control group what it may use.",
    )


@check("The container is the one from before", points=1, after=("second",))
def untouched(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    identity = container.id if container is not None else ""
    first = _first(evidence)
    changes = [
        event.action
        for event in evidence.events
        if event.kind == "container"
        and event.id == identity
        and event.action in ("create", "die", "kill", "start", "restart", "stop", "pause", "update", "rename")
    ]
    # The first process was there before the answer was, with the argument that the setup gave it.
    if not changes and first is not None and first.argv[-1:] == ("3600",):
        return None
    return Feedback(
        "container-changed",
        "The container did not simply go on.",
        expected="the same container, running all the time",
        actual=", ".join(changes) or "another first process",
        why="A second process exists so that the first one need not be disturbed.",
    )


@check("The second process has the user that was asked for", points=1, after=("second",))
def user(evidence: Evidence) -> Feedback | None:
    wanted = int(evidence.parameters["user"])
    found = sorted({process.uid for process in _second(evidence)})
    if wanted in found:
        return None
    return Feedback(
        "wrong-user",
        "The second process runs as another user.",
        expected=str(wanted),
        actual=", ".join(map(str, found)),
        why="A container's program may run without privileges, and an administrator beside it as root: each "
        "process has a user of its own.",
    )


@check("The ticket is the one in the container", points=1)
def ticket(evidence: Evidence) -> Feedback | None:
    lines = [line.replace(":", " ").split() for line in evidence.run.stdout.splitlines()]
    printed = [words[1] for words in lines if len(words) == 2 and words[0] == _WORD]
    if printed[-1:] == [str(evidence.parameters["secret"])]:
        return None
    return Feedback(
        "wrong-ticket",
        f"Your output has no line with {_WORD} and what the file in the container says.",
        expected=f"{_WORD} and the content of /etc/ticket in the container",
        actual=" ".join(printed[-1:]) or evidence.run.stdout.strip()[-200:] or "no output",
        why="The file system that a process sees is its container's: another container has another one.",
    )
