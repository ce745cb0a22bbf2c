"""Requests from two places, and one after a crash; the kernel and the servers' own logs say which arrived."""

from grader.check import Evidence, Feedback, check, other_image
from grader.evidence import Container


def _service(evidence: Evidence, parameter: str) -> Container | None:
    """Return the container of a service in which the host found processes."""
    for container in evidence.engine.containers:
        labels = (container.inspect.get("Config") or {}).get("Labels") or {}
        service = labels.get("com.docker.compose.service")
        if service == str(evidence.parameters[parameter]) and container.processes:
            return container
    return None


def _told(evidence: Evidence, probe: str) -> str:
    """Return the message that came from the port that is to be shown."""
    for line in evidence.probe(probe).stdout.splitlines():
        port, colon, said = line.partition(": ")
        if colon and port == str(evidence.parameters["port"]):
            return said.strip()
    return ""


def _arrived(evidence: Evidence, parameter: str) -> list[str]:
    """Return the marks of the requests that came to a service, and that it has logged."""
    logged, connected = _heard(evidence, parameter)
    return [mark for mark in logged if mark in connected]


def _heard(evidence: Evidence, parameter: str) -> tuple[list[str], list[str]]:
    """Return which requests a service has logged, and which connected to its containers."""
    words = [line.split() for line in evidence.probe("doors").stdout.splitlines()]
    name = str(evidence.parameters[parameter])
    logged = [found[1] for found in words if len(found) == 2 and found[0] == name]
    return logged, [found[2] for found in words if len(found) == 3 and found[:2] == ["connected", name]]


def _shown(evidence: Evidence, parameter: str) -> str:
    return f"requests that arrived there: {', '.join(_arrived(evidence, parameter)) or 'none'}"


def _on_host_network(evidence: Evidence) -> list[str]:
    """Return the project's containers whose processes are in the network namespace of the engine's host."""
    host = evidence.processes.sandbox.get("net")
    inside = {process.pid for process in evidence.processes.all if process.namespaces.get("net") == host}
    shared = [container.name for container in evidence.engine.containers if inside & set(container.processes)]
    killed = evidence.probe("crash")
    if any(process.namespaces.get("net") == host for process in killed.processes):
        shared.append(str(evidence.parameters["demo"]))
    return shared


@check("Both services run, in networks of their own", points=1)
def both_run(evidence: Evidence) -> Feedback | None:
    # The first one may be down for good by now, because the grader killed it: that is for a later check.
    began = _service(evidence, "demo") is not None or bool(evidence.probe("crash").processes)
    running = {"demo": began, "notes": _service(evidence, "notes") is not None}
    missing = [str(evidence.parameters[name]) for name, runs in running.items() if not runs]
    shared = _on_host_network(evidence)
    wanted = {str(evidence.parameters[name]): "webapp" for name in running}
    if (found := other_image(evidence, wanted)) is not None:
        return found
    if not missing and not shared:
        return None
    output = (evidence.run.stderr + evidence.run.stdout).strip()
    return Feedback(
        "not-running",
        f"In the network of the host: {', '.join(shared)}."
        if shared
        else f"No running container of the service {' and '.join(missing)}.",
        expected="both services running, neither in the host's network",
        actual="the host's network" if shared else output[-600:] or "compose said nothing",
        why="In a network of its own, a container has no open door but those that you publish.",
    )


@check("The page can be reached from the host", points=2, after=("both_run",))
def open_here(evidence: Evidence) -> Feedback | None:
    word, told = str(evidence.parameters["word"]), _told(evidence, "page")
    if told == word and "host-demo" in _arrived(evidence, "demo"):
        return None
    return Feedback(
        "closed",
        f"Port {evidence.parameters['port']} of the host does not lead to {evidence.parameters['demo']}.",
        expected=f"{word}, from {evidence.parameters['demo']}",
        actual=f"{told[:200] or evidence.probe('page').error or 'no answer'}; {_shown(evidence, 'demo')}",
        why="What listens in a container is heard inside only, until its port is published.",
    )


@check("Colleagues can reach it", points=2, after=("open_here",))
def open_elsewhere(evidence: Evidence) -> Feedback | None:
    if "colleague-demo" in _arrived(evidence, "demo"):
        return None
    return Feedback(
        "closed-to-colleagues",
        "A request that came from elsewhere did not arrive.",
        expected=f"port {evidence.parameters['port']} open on every address of the host",
        actual=_shown(evidence, "demo"),
        why="`localhost` is another machine for everybody else.",
    )


@check("The notes can be reached from the host, and from nowhere else", points=2, after=("both_run",))
def private(evidence: Evidence) -> Feedback | None:
    heard = _heard(evidence, "notes")
    over = "done" in evidence.probe("doors").stdout.splitlines()
    closed = not any("colleague-notes" in marks for marks in heard)
    if "host-notes" in _arrived(evidence, "notes") and closed and over:
        return None
    return Feedback(
        "wrong-door",
        f"Port {evidence.parameters['private']} is open to the wrong people, or to nobody.",
        expected=f"{evidence.parameters['notes']} reached from the host only",
        actual=evidence.probe("doors").error or _shown(evidence, "notes"),
        why="A published port is open to all the world, unless the address in front of it says otherwise.",
    )


@check("After a crash the page is back", points=1, after=("open_here",))
def back(evidence: Evidence) -> Feedback | None:
    crash, told = evidence.probe("crash"), _told(evidence, "page-after-crash")
    if crash.details.get("runs_again") and told == str(evidence.parameters["word"]):
        return None
    container = crash.container
    return Feedback(
        "gone",
        f"The first process of {evidence.parameters['demo']} was killed, and the page is gone.",
        expected="the page, within a few seconds",
        actual=told[:200]
        or crash.error
        or f"no answer; the container is {container.status if container else 'gone'}",
        why="You will not sit beside it while your colleagues try it out.",
    )
