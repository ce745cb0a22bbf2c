"""Asks the host, not the engine, whether the container runs and what its limit is."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Cgroup, Container

_MIB = 1 << 20


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _group(evidence: Evidence) -> Cgroup | None:
    """Return the container's control group, which the host found under the container's id."""
    container = _container(evidence)
    if container is None:
        return None
    return next((group for path, group in evidence.cgroups.items() if path.endswith(container.id)), None)


@check("The container runs")
def runs(evidence: Evidence) -> Feedback | None:
    """Count the processes that the host sees in the container."""
    container = _container(evidence)
    if container is None:
        return Feedback(
            "no-container",
            "The engine holds no container of that name.",
            expected=str(evidence.parameters["name"]),
            actual=", ".join(found.name for found in evidence.engine.containers) or "no container",
        )
    if container.processes:
        return None
    return Feedback(
        "not-running",
        "The container was made, but nothing runs in it.",
        expected="a running container",
        actual=container.status,
        why="A container lives as long as its first process.",
    )


@check("Its memory limit is the right one", points=2, after=("runs",))
def limited(evidence: Evidence) -> Feedback | None:
    """Compare the limit that the kernel enforces with the participant's value."""
    group = _group(evidence)
    limit = group.memory_limit if group else None
    wanted = int(evidence.parameters["limit"])
    if limit == wanted * _MIB:
        return None
    return Feedback(
        "wrong-limit",
        "The kernel enforces another limit than the one you were asked for.",
        expected=f"{wanted} MiB",
        actual="no limit" if limit is None else f"{limit / _MIB:g} MiB",
        why="Without a limit of its own, one container can use up the memory of all the others.",
    )
