"""The attack is run by the grader, inside the container, on a file that was not there before."""

from collections.abc import Collection, Mapping
from typing import Any

from grader.check import Evidence, Feedback, check
from grader.evidence import Container

_WORD = "LOOT"
_SAID = 300
_SHARED = ("/run/docker.sock", "/var/run/docker.sock", "/usr/bin/docker", "/bin/docker")
_KINDS = ("PidMode", "IpcMode", "UTSMode", "NetworkMode")
_OTHERS = ("host:", "container:")


def _container(evidence: Evidence, name: str) -> Container | None:
    return evidence.engine.container(str(evidence.parameters[name]))


def _shares(evidence: Evidence, container: Container) -> list[str]:
    """Return what a container shares with the machine besides the engine's socket and its client."""
    settings = container.inspect.get("HostConfig") or {}
    mounts = container.inspect.get("Mounts") or ()
    found = [str(mount.get("Source")) for mount in mounts if mount.get("Type") == "bind"]
    found = [source for source in found if source not in _SHARED]
    used = {mount.get("Name") for mount in mounts if mount.get("Type") == "volume"}
    # A volume with options can be any folder of the machine.
    found += [f"volume {volume['Name']}" for volume in evidence.engine.volumes if _special(volume, used)]
    found += ["every device (privileged)"] if settings.get("Privileged") else []
    found += [str(settings[key]) for key in ("CapAdd", "Devices") if settings.get(key)]
    modes = {kind: str(settings.get(kind)) for kind in _KINDS}
    return found + [f"{kind}: {mode}" for kind, mode in modes.items() if f"{mode}:".startswith(_OTHERS)]


def _special(volume: Mapping[str, Any], used: Collection[object]) -> bool:
    return volume.get("Name") in used and bool(volume.get("Options"))


@check("The container runs, and shares nothing but the socket", points=1)
def small(evidence: Evidence) -> Feedback | None:
    container = _container(evidence, "name")
    if container is not None and container.processes and not _shares(evidence, container):
        return None
    shared = ", ".join(_shares(evidence, container)) if container is not None else "no such container"
    return Feedback(
        "shares-more" if container is not None and container.processes else "not-running",
        "There is no running container of that name that shares only the socket with the machine.",
        expected=f"{evidence.parameters['name']}, with the engine's socket alone",
        actual=shared or (container.status if container is not None else ""),
        why="The attack is to need no more than what looks harmless.",
    )


@check("From inside it, a container was started", points=2, after=("small",))
def manages(evidence: Evidence) -> Feedback | None:
    # Any other container was removed before inside.sh ran.
    child = _container(evidence, "child")
    pids = frozenset(child.processes) if child is not None else frozenset()
    running = [process.argv for process in evidence.processes.living() if process.pid in pids]
    wanted = ("sleep", str(evidence.parameters["seconds"]))
    image = evidence.engine.image("busybox")
    from_it = child is not None and image is not None and child.inspect.get("Image") == image.id
    commands = [(argv[-2].rpartition("/")[2], argv[-1]) for argv in running if len(argv) > 1]
    if from_it and wanted in commands:
        return None
    return Feedback(
        "no-child",
        f"inside.sh did not leave a container {evidence.parameters['child']} running.",
        expected=f"{' '.join(wanted)}, in {evidence.parameters['child']}, made from busybox",
        actual="; ".join(" ".join(argv) for argv in running)[:_SAID] or _said(evidence),
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
