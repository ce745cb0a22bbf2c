"""The engine says what was asked for; the host's own view of processes says what happened."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Container, Process

_IMAGE = "nilcons/debian"
_OTHERS = {"busybox", "webapp", "gcc", "postgres", "guestbook", "registry", "docker"}
_POLICY = "unless-stopped"


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _policy(container: Container) -> str:
    host_config = container.inspect.get("HostConfig") or {}
    return str((host_config.get("RestartPolicy") or {}).get("Name") or "no")


def _command_line(process: Process) -> str:
    """Return the words of a command, the first without its folder."""
    return " ".join((process.argv[0].rpartition("/")[2], *process.argv[1:])) if process.argv else ""


@check("The container exists", points=1)
def exists(evidence: Evidence) -> Feedback | None:
    if _container(evidence) is not None:
        return None
    names = ", ".join(container.name for container in evidence.engine.containers)
    return Feedback(
        "no-container",
        "The engine holds no container of that name.",
        expected=str(evidence.parameters["name"]),
        actual=names or "no container at all",
        why="Without a name of your own, scripts and colleagues have to guess which container is meant.",
    )


def _foreign_image(evidence: Evidence) -> Feedback | None:
    """Complain about another image that the engine came with; one that the answer made will do."""
    container = _container(evidence)
    name = container.image if container else ""
    if name.partition(":")[0] not in _OTHERS:
        return None
    return Feedback(
        "wrong-image",
        "The container was made from another image.",
        expected=_IMAGE,
        actual=name,
        why="The image decides what the container's programs are, also where their names are the same.",
    )


@check("It runs the command from the workshop's image", points=1, after=("exists",))
def runs(evidence: Evidence) -> Feedback | None:
    wanted = f"sleep {evidence.parameters['seconds']}"
    first = [process for process in evidence.probe("crash").processes if process.nspid[-1:] == (1,)]
    if any(_command_line(process).endswith(wanted) for process in first):
        return _foreign_image(evidence)
    container = _container(evidence)
    command = " ".join((container.inspect.get("Config") or {}).get("Cmd") or ()) if container else ""
    state = container.status if container else "gone"
    return Feedback(
        "not-running",
        "That command was not the first process of a running container.",
        expected=wanted,
        actual=f"{command or 'no command'} ({state})",
        why="A container lives exactly as long as its first process.",
    )


@check("Its restart policy leaves a container alone that was stopped on purpose", points=1, after=("exists",))
def policy(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    found = _policy(container) if container else "no"
    if found == _POLICY:
        return None
    return Feedback(
        "wrong-policy",
        "The container has another restart policy than the one described.",
        expected=_POLICY,
        actual=found,
        why="`always` brings a container back after a reboot even if somebody had stopped "
        "it; `on-failure` does not "
        "bring it back at all after a reboot.",
    )


@check("It comes back after a crash", points=2, after=("exists", "policy"))
def comes_back(evidence: Evidence) -> Feedback | None:
    crash = evidence.probe("crash")
    restarts = crash.container.restart_count if crash.container else 0
    came_back = bool(crash.details.get("runs_again"))
    if crash.error is None and came_back and restarts > int(crash.details.get("restarts_before", 0)):
        return None
    return Feedback(
        "not-restarted",
        "Its first process was killed from outside, and the engine did not start the container again.",
        expected="a new first process, one more restart",
        actual=crash.error or f"{restarts} restarts",
        why="A restart policy is what turns a crash at night into a line in the log.",
    )
