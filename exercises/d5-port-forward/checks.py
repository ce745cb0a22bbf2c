"""Requests from two places; the kernel and the servers' own logs say which of them arrived, and where."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Container


def _arrived(evidence: Evidence, name: str) -> list[str]:
    """Return the marks of the requests that came to a container, and that its server has logged."""
    container = evidence.engine.container(str(evidence.parameters[name]))
    if container is None or not container.processes or not _is_the_server(evidence, container):
        return []
    logged, connected = _heard(evidence, container.name)
    return [mark for mark in logged if mark in connected]


def _heard(evidence: Evidence, name: str) -> tuple[list[str], list[str]]:
    """Return which requests a container's server has logged, and which connected to the container."""
    words = [line.split() for line in evidence.probe("doors").stdout.splitlines()]
    logged = [found[1] for found in words if len(found) == 2 and found[0] == name]
    return logged, [found[2] for found in words if len(found) == 3 and found[:2] == ["connected", name]]


def _is_the_server(evidence: Evidence, container: Container) -> bool:
    image = evidence.engine.image(str(evidence.parameters["image"]))
    return image is None or container.inspect.get("Image") == image.id


def _state(evidence: Evidence, name: str) -> str:
    container = evidence.engine.container(str(evidence.parameters[name]))
    if container is None:
        return "no such container"
    if not _is_the_server(evidence, container):
        return f"it is made from {container.image}"
    arrived = ", ".join(_arrived(evidence, name))
    return f"{container.status}; requests that arrived: {arrived or 'none'}"


@check("The first server can be reached from the machine", points=2)
def open_here(evidence: Evidence) -> Feedback | None:
    if "machine-front" in _arrived(evidence, "name"):
        return None
    return Feedback(
        "front-closed",
        f"A request to 127.0.0.1:{evidence.parameters['outside']} did not arrive in "
        f"{evidence.parameters['name']}.",
        expected="the request in the log of the server",
        actual=_state(evidence, "name"),
        why="A server listens in the network of its container: outside, nobody hears of it by itself.",
    )


@check("The first server can be reached from elsewhere", points=1, after=("open_here",))
def open_elsewhere(evidence: Evidence) -> Feedback | None:
    if "stranger-front" in _arrived(evidence, "name"):
        return None
    return Feedback(
        "front-closed-to-others",
        "A stranger's request did not arrive there.",
        expected=f"port {evidence.parameters['outside']} open on every address of the machine",
        actual=_state(evidence, "name"),
        why="`localhost` works on one machine only: the one that you try it on.",
    )


@check("The second server can be reached from the machine", points=2)
def backstage(evidence: Evidence) -> Feedback | None:
    if "machine-backstage" in _arrived(evidence, "backstage"):
        return None
    return Feedback(
        "backstage-closed",
        f"A request to 127.0.0.1:{evidence.parameters['local']} did not arrive in "
        f"{evidence.parameters['backstage']}.",
        expected="the request in the log of the server",
        actual=_state(evidence, "backstage"),
        why="Two servers of one image can share a machine: each has its own door.",
    )


@check("The second server is closed to everybody else", points=2, after=("backstage",))
def closed(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("doors")
    heard = _heard(evidence, str(evidence.parameters["backstage"]))
    if not any("stranger-backstage" in marks for marks in heard) and "done" in probe.stdout.splitlines():
        return None
    return Feedback(
        "backstage-open",
        "A stranger's request arrived as well, at that port or at another one that leads there.",
        expected="no port open to others",
        actual=probe.error or _state(evidence, "backstage"),
        why="An experiment seldom asks for a password. Nobody should find it by accident.",
    )
