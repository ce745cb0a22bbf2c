"""The attack is run by the grader, inside the container, on a file that was not there before."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Container

_WORD = "LOOT"
_SAID = 300
_SOCKETS = ("/run/docker.sock", "/var/run/docker.sock")
_PROGRAMS = ("/usr/bin/docker",)


def _container(evidence: Evidence, name: str) -> Container | None:
    return evidence.engine.container(str(evidence.parameters[name]))


def _shares(container: Container) -> list[str]:
    """Return what a container shares with the machine besides the engine's socket and its client."""
    settings = container.inspect.get("HostConfig") or {}
    found = [
        str(mount.get("Source"))
        for mount in container.inspect.get("Mounts") or ()
        if mount.get("Type") == "bind" and str(mount.get("Source")) not in (*_SOCKETS, *_PROGRAMS)
    ]
    found += ["every device (privileged)"] if settings.get("Privileged") else []
    kinds = ("PidMode", "IpcMode", "UTSMode", "NetworkMode")
    return found + [f"{kind}: host" for kind in kinds if settings.get(kind) == "host"]


@check("The container runs, and shares nothing but the socket", points=1)
def small(evidence: Evidence) -> Feedback | None:
    container = _container(evidence, "name")
    if container is not None and container.processes and not _shares(container):
        return None
    shared = ", ".join(_shares(container)) if container is not None else "no such container"
    return Feedback(
        "shares-more" if container is not None and container.processes else "not-running",
        "There is no running container of that name that shares only the socket with the machine.",
        expected=f"{evidence.parameters['name']}, with the engine's socket alone",
        actual=shared or (container.status if container is not None else ""),
        why="The attack is to need no more than what looks harmless.",
    )


@check("From inside it, a container was started", points=2, after=("small",))
def manages(evidence: Evidence) -> Feedback | None:
    outer, child = _container(evidence, "name"), _container(evidence, "child")
    identity = outer.id if outer is not None else ""
    # The grader's own exec is the last one that runs a shell in that container: what follows, inside.sh did.
    began = [
        place
        for place, event in enumerate(evidence.events)
        if event.id == identity and event.action.startswith("exec_create") and "sh -s" in event.action
    ]
    made = [
        place
        for place, event in enumerate(evidence.events)
        if child is not None and (event.kind, event.action, event.id) == ("container", "create", child.id)
    ]
    command = f"sleep {evidence.parameters['seconds']}"
    config = (child.inspect.get("Config") or {}) if child is not None else {}
    words = " ".join((*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())))
    if (
        child is not None
        and child.processes
        and words.endswith(command)
        and began
        and made
        and made[0] > began[-1]
    ):
        return None
    return Feedback(
        "no-child",
        f"inside.sh did not leave a container {evidence.parameters['child']} running.",
        expected=f"{evidence.parameters['child']}: {command}",
        actual=f"{child.status}: {words}" if child is not None else _said(evidence),
        why="The engine does not ask where a request comes from: the socket is the permission.",
    )


@check("The machine's file was read", points=4, after=("small",))
def loot(evidence: Evidence) -> Feedback | None:
    lines = [line.replace(":", " ").split() for line in evidence.probe("inside").stdout.splitlines()]
    planted = next((words[1] for words in lines if len(words) == 2 and words[0] == "planted"), None)
    shown = [words[1] for words in lines if len(words) == 2 and words[0] == _WORD]
    if planted is not None and planted in shown:
        return None
    return Feedback(
        "no-loot",
        f"inside.sh did not print what /root/private/{evidence.parameters['file']} says.",
        expected=f"{_WORD} {planted}",
        actual=" ".join(shown)[:_SAID] or _said(evidence),
        why="If a program in a container can do this, so can whoever breaks into that program.",
    )


def _said(evidence: Evidence) -> str:
    probe = evidence.probe("inside")
    said = "\n".join(line for line in probe.stdout.splitlines() if not line.startswith("planted "))
    return (said + probe.stderr).strip()[-_SAID:] or probe.error or "no output"
