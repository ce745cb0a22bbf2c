"""The host reads the interfaces of the container's network namespace; the collector tells what it heard."""

import hashlib

from grader.check import Evidence, Feedback, check
from grader.evidence import Container, Process

_FIELDS = 4
_SAID = 300


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _inside(evidence: Evidence) -> list[Process]:
    container = _container(evidence)
    pids = frozenset(container.processes) if container is not None else frozenset()
    return [process for process in evidence.processes.living() if process.pid in pids]


@check("The work was done by a container that still runs", points=2)
def counted(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    words = evidence.probe("result").stdout.split()
    text = f"{evidence.parameters['secret']} {' '.join(words[:3])}\n"
    signature = hashlib.sha256(text.encode()).hexdigest()[:16]
    right = len(words) == _FIELDS and words[3] == signature
    if right and container is not None and container.id.startswith(words[0]) and container.processes:
        return None
    state = container.status if container is not None else "no such container"
    output = (evidence.run.stdout + evidence.run.stderr).strip()[-_SAID:]
    return Feedback(
        "not-counted",
        f"/work/{evidence.parameters['folder']}/result is not the work of a running container "
        f"{evidence.parameters['name']}.",
        expected=f"a result signed by {evidence.parameters['name']}",
        actual=f"{' '.join(words)[:_SAID] or 'no result'}; {state}; {output}",
        why="A container without a network still has its files.",
    )


@check("It has no network interface but loopback", points=3, after=("counted",))
def alone(evidence: Evidence) -> Feedback | None:
    inodes = {process.namespaces.get("net", 0) for process in _inside(evidence)}
    found = {
        name: None
        for inode in inodes
        if inode in evidence.networks
        for name in evidence.networks[inode].interfaces
    }
    if inodes and evidence.processes.sandbox.get("net") not in inodes and list(found) == ["lo"]:
        return None
    return Feedback(
        "has-network",
        "The container's network namespace holds more than loopback, or is not its own.",
        expected="lo",
        actual=", ".join(found) or "no process to be seen",
        why="An interface is a way out, whether or not something answers at its other end today.",
    )


@check("The collector has heard nothing", points=2, after=("counted",))
def untold(evidence: Evidence) -> Feedback | None:
    collector = evidence.engine.container("collector")
    lines = evidence.probe("told").stdout.splitlines()
    runs = collector is not None and bool(collector.processes)
    if runs and lines == [f"collector of {evidence.parameters['secret']}"]:
        return None
    return Feedback(
        "told",
        "The collector was told something, or is not what it was.",
        expected="a running collector that heard nothing",
        actual="; ".join(lines[1:])[:_SAID] or evidence.probe("told").error or "the collector does not run",
        why="Once is enough: what has left the machine cannot be called back.",
    )
