"""The setup knows who the hog is, the host's view of processes who is left."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Cgroup, Container

_WORD = "FAILED"
_HOG = 36 << 20  # see setup.sh
_FORCED = 128  # from here on a status says which signal ended it


def _new_name(evidence: Evidence) -> str:
    return f"{evidence.parameters['label']}-{evidence.parameters['number']}"


def _group(evidence: Evidence, container: Container) -> Cgroup | None:
    return evidence.cgroups.get(f"/docker/{container.id}")


def _created(evidence: Evidence) -> set[str]:
    """Return the ids of the containers that the answer made."""
    return {event.id for event in evidence.events if event.kind == "container" and event.action == "create"}


def _planted(evidence: Evidence) -> list[Container]:
    own = _created(evidence)
    return [container for container in evidence.engine.containers if container.id not in own]


@check("The hog has its new name", points=2)
def renamed(evidence: Evidence) -> Feedback | None:
    found = evidence.engine.container(_new_name(evidence))
    group = _group(evidence, found) if found is not None else None
    peak = group.memory_peak if group is not None else 0
    if found is not None and f"HOG {found.id}" in evidence.setup.stdout.splitlines():
        return None
    names = ", ".join(container.name for container in evidence.engine.containers)
    return Feedback(
        "wrong-hog",
        "The container that used most of the memory does not have that name.",
        expected=f"{_new_name(evidence)}, with some {_HOG} bytes",
        actual=f"it used {peak} bytes" if found is not None else f"containers: {names or 'none'}",
        why="The kernel counts for each container: there is no need to guess.",
    )


@check("The hog has been stopped", points=1, after=("renamed",))
def stopped(evidence: Evidence) -> Feedback | None:
    found = evidence.engine.container(_new_name(evidence))
    if found is not None and not found.processes and found.status == "exited":
        return None
    return Feedback(
        "still-running",
        "The container that used most of the memory still runs.",
        expected="no process, state exited",
        actual=f"{len(found.processes)} processes, state {found.status}" if found is not None else "gone",
        why="Only when its processes are gone is their memory free.",
    )


@check("The others were left alone", points=1, after=("renamed",))
def others(evidence: Evidence) -> Feedback | None:
    rest = [container for container in _planted(evidence) if container.name != _new_name(evidence)]
    running = [container.name for container in rest if container.processes]
    ended = [container.name for container in rest if container.status == "exited"]
    identities = {container.id for container in rest}
    changed = sorted(
        {
            event.attributes.get("name", "?")
            for event in evidence.events
            if event.id in identities and event.action in ("die", "start", "rename", "pause")
        }
    )
    if (len(running), len(ended)) == (2, 2) and not changed:
        return None
    return Feedback(
        "others-changed",
        "Containers that had nothing to do with it were stopped, started, renamed or removed.",
        expected="2 of them running, 2 ended, all of them untouched",
        actual=f"running: {', '.join(running) or 'none'}; ended: {', '.join(ended) or 'none'}; "
        f"changed: {', '.join(changed) or 'none'}",
        why="Stopping everything solves every shortage, and every other problem except the users'.",
    )


@check("The one that failed is reported", points=2)
def failed(evidence: Evidence) -> Feedback | None:
    truths = {
        (container.name, str(container.exit_code))
        for container in _planted(evidence)
        if container.status == "exited" and 0 < container.exit_code < _FORCED
    }
    lines = [line.replace(":", " ").split() for line in evidence.run.stdout.splitlines()]
    printed = [tuple(words[1:]) for words in lines if words and words[0] == _WORD]
    if len(set(printed)) == 1 and printed[0] in truths:
        return None
    return Feedback(
        "wrong-failure",
        "Your output does not name the container that failed, and its status.",
        expected=" or ".join(f"{_WORD} {name} {code}" for name, code in sorted(truths))
        or "its name and status",
        actual="; ".join(f"{_WORD} {' '.join(words)}" for words in printed)[:200] or "no such line",
        why="The status is the last thing a program says; it is kept until its container is removed.",
    )
