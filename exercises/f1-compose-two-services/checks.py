"""The containers of the project, and a message that is changed while they run: who asks, tells it."""

from grader.check import Evidence, Feedback, check, other_image
from grader.evidence import Container


def _containers(evidence: Evidence, parameter: str) -> list[Container]:
    """Return the containers of a service in which the host found processes."""
    found = []
    for container in evidence.engine.containers:
        labels = (container.inspect.get("Config") or {}).get("Labels") or {}
        service = labels.get("com.docker.compose.service")
        if service == str(evidence.parameters[parameter]) and container.processes:
            found.append(container)
    return found


@check("Both services run", points=1)
def both_run(evidence: Evidence) -> Feedback | None:
    missing = [
        str(evidence.parameters[name]) for name in ("web", "visitor") if not _containers(evidence, name)
    ]
    wanted = {str(evidence.parameters["web"]): "webapp", str(evidence.parameters["visitor"]): "busybox"}
    if (found := other_image(evidence, wanted)) is not None:
        return found
    if not missing:
        return None
    output = (evidence.run.stderr + evidence.run.stdout).strip()
    return Feedback(
        "not-running",
        f"No running container of the service {' and '.join(missing)}.",
        expected=f"{evidence.parameters['web']} and {evidence.parameters['visitor']} running",
        actual=output[-600:] or "compose said nothing",
        why="`docker compose ps --all` and `docker compose logs` tell what became of a service.",
    )


@check("There are as many visitors as there should be", points=1, after=("both_run",))
def number(evidence: Evidence) -> Feedback | None:
    found = len(_containers(evidence, "visitor"))
    if found == evidence.parameters["visitors"]:
        return None
    return Feedback(
        "wrong-number",
        f"The service {evidence.parameters['visitor']} runs in another number of containers.",
        expected=str(evidence.parameters["visitors"]),
        actual=str(found),
        why="A service is a description. How many containers are made after it is a number in the file.",
    )


@check("The web server tells its message", points=1, after=("both_run",))
def message(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("message")
    word = str(evidence.parameters["word"])
    head, _, body = probe.stdout.replace("\r", "").partition("\n\n")
    if body.strip() == word and " 200 " in head.partition("\n")[0]:
        return None
    return Feedback(
        "wrong-message",
        f"http://{evidence.parameters['web']}:8080/message tells something else.",
        expected=word,
        actual=(body or head).strip()[-200:] or probe.error or probe.stderr.strip()[-200:] or "no answer",
        why="One image serves many purposes: its environment says which.",
    )


@check("Every visitor goes on asking", points=2, after=("both_run",))
def visits(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("visits")
    words = (line.split() for line in probe.stdout.splitlines())
    told = {found[1] for found in words if len(found) == 2 and found[0] == "told"}
    visitors = _containers(evidence, "visitor")
    silent = [container.name for container in visitors if container.id not in told]
    if not silent:
        return None
    return Feedback(
        "no-visits",
        "The message was changed, and not every visitor has told the new one.",
        expected="the new message in the output of each visitor",
        actual=f"nothing of it from {', '.join(silent)}",
        why="A service is there to go on. What it prints is its log, whatever the number of its containers.",
    )
