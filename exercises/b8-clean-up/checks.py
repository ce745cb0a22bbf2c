"""What is left in the engine is compared with what the setup planted there."""

from grader.check import Evidence, Feedback, check

_DISTURBANCES = ("create", "start", "die", "kill", "rename", "pause")


def _team(evidence: Evidence) -> str:
    return str(evidence.parameters["team"])


def _other(evidence: Evidence) -> str:
    return str(evidence.parameters["other"])


def _removed(evidence: Evidence) -> list[str]:
    """Return the names of the team's containers that the engine says were removed, in order."""
    return [
        event.attributes.get("name", "?")
        for event in evidence.events
        if event.kind == "container"
        and event.action == "destroy"
        and event.attributes.get("team") == _team(evidence)
    ]


@check("All containers of the team are gone", points=2)
def gone(evidence: Evidence) -> Feedback | None:
    left = {container.name for container in evidence.engine.containers} & {
        f"{_team(evidence)}-web",
        f"{_team(evidence)}-job",
    }
    labelled = {
        container.name
        for container in evidence.engine.containers
        if ((container.inspect.get("Config") or {}).get("Labels") or {}).get("team") == _team(evidence)
    }
    if not left | labelled and _removed(evidence):
        return None
    return Feedback(
        "containers-left",
        "Not all of the team's containers have been removed.",
        expected=f"none with the label team={_team(evidence)}",
        actual=", ".join(sorted(left | labelled)) or "none, but they were not removed either",
        why="A container that has ended is out of sight, not gone: it keeps its name and its disk space.",
    )


@check("The other team's containers are as they were", points=2, after=("gone",))
def kept(evidence: Evidence) -> Feedback | None:
    running = evidence.engine.container(f"{_other(evidence)}-web")
    ended = evidence.engine.container(f"{_team(evidence)}-{_other(evidence)}")
    found = {container.id for container in (running, ended) if container is not None}
    happened = [
        f"{event.attributes.get('name', '?')}: {event.action}"
        for event in evidence.events
        if event.id in found and event.action in _DISTURBANCES
    ]
    tokens = [
        evidence.probe(f"token-of-the-{which}").stdout.strip() == str(evidence.parameters["secret"])
        for which in ("running", "ended")
    ]
    if running is not None and running.processes and ended is not None and not happened and all(tokens):
        return None
    state = ", ".join(
        f"{name} {'is gone' if container is None else container.status}"
        for name, container in (("the running one", running), ("the ended one", ended))
    )
    return Feedback(
        "others-harmed",
        "Containers of the other team were removed, interrupted or replaced.",
        expected="one that runs and one that has ended, both untouched",
        actual="; ".join([state, *happened]),
        why="Nobody can bring back the files of a container that was removed.",
    )


@check(
    "Their volumes without a name are gone, and the one with a name is there",
    points=1,
    after=("gone", "kept"),
)
def volumes(evidence: Evidence) -> Feedback | None:
    names = sorted(str(volume.get("Name")) for volume in evidence.engine.volumes)
    keeper = evidence.engine.container(f"{_other(evidence)}-web")
    mounts = (keeper.inspect.get("Mounts") or ()) if keeper is not None else ()
    wanted = sorted([f"{_team(evidence)}-archive", *(str(mount.get("Name")) for mount in mounts)])
    if names == wanted:
        return _emptied(evidence)
    return Feedback(
        "wrong-volumes",
        "The volumes that are left are not those that should be.",
        expected=", ".join(wanted),
        actual=", ".join(names) or "none",
        why="A volume without a name that has lost its container cannot be told from any other; one with a "
        "name was given it to outlive its containers.",
    )


def _emptied(evidence: Evidence) -> Feedback | None:
    """Complain about a volume of the right name in which nothing is left of what the team had put there."""
    found = evidence.probe("archive").stdout.strip()
    if found == str(evidence.parameters["secret"]):
        return None
    return Feedback(
        "archive-lost",
        "The volume with a name has lost what was in it.",
        expected=f"{_team(evidence)}-archive with the file that was there before",
        actual=found or "no such file in it",
        why="A volume that is made anew has the name of the old one, and none of its files.",
    )
