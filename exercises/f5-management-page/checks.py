"""A container that the answer cannot have known of has to be listed, and to outlive every attack on it."""

from grader.check import Evidence, Feedback, check


def _said(evidence: Evidence, probe: str, what: str) -> list[str]:
    """Return what a probe's script said of something, each in a line of its own."""
    lines = (line.partition(": ") for line in evidence.probe(probe).stdout.splitlines())
    return [rest.strip() for word, colon, rest in lines if colon and word == what and rest.strip()]


def _running(evidence: Evidence, parameter: str) -> bool:
    """Return whether the host found processes in a service's container."""
    return any(
        container.processes
        and ((container.inspect.get("Config") or {}).get("Labels") or {}).get("com.docker.compose.service")
        == str(evidence.parameters[parameter])
        for container in evidence.engine.containers
    )


@check("The page shows the engine's containers", points=2)
def listed(evidence: Evidence) -> Feedback | None:
    if _said(evidence, "page", "listed") == ["yes"] and _running(evidence, "page"):
        return None
    output = (evidence.run.stderr + evidence.run.stdout).strip()
    shown = " ".join(_said(evidence, "page", "shown"))
    return Feedback(
        "not-listed",
        "A container that was started just now is not on the page.",
        expected=f"{evidence.parameters['bystander']} on port {evidence.parameters['port']} of the host, "
        f"by the service {evidence.parameters['page']}",
        actual=(shown or evidence.probe("page").error or output or "nothing")[-600:],
        why="A page of yesterday's state is worse than none: somebody will believe it.",
    )


@check("Nothing can be changed through it", points=3, after=("listed",))
def only_reads(evidence: Evidence) -> Feedback | None:
    found = [f"the socket is at {path}" for path in _said(evidence, "attack", "socket in the page")]
    found += [f"the container is free to do more: {what}" for what in _said(evidence, "attack", "freedom")]
    for moment, probe in (("after the button", "page"), ("after the attack", "attack")):
        state = _said(evidence, probe, moment)
        if state != ["running"]:
            found.append(f"the stranger's container {moment}: {' '.join(state) or 'unknown'}")
    bystander = evidence.engine.container(str(evidence.parameters["bystander"]))
    if bystander is None or not bystander.processes:
        found.append("its process is gone")
    if not found:
        return None
    return Feedback(
        "page-can-manage",
        "Whoever uses the page, or takes over its container, can do more than look.",
        expected="no socket, and a container that runs on",
        actual="; ".join(found)[:500],
        why="Who can ask an engine to stop containers can ask it for one with the host's whole disk as well.",
    )


@check("The gate is open to the page alone", points=2, after=("only_reads",))
def gate_closed(evidence: Evidence) -> Feedback | None:
    opened = _said(evidence, "attack", "open")
    probe = evidence.probe("attack")
    if not opened and probe.ok and _running(evidence, "gate"):
        return None
    return Feedback(
        "gate-open",
        f"The service {evidence.parameters['gate']} can be reached from outside, or does not run.",
        expected="no published port, and no way in from a stranger's container",
        actual="; ".join(opened)[:400] or probe.error or "no such service is running",
        why="Reading is much already: environments with passwords, names, addresses, all logs.",
    )
