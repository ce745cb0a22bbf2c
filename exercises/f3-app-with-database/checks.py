"""An entry is followed from the host's port into the database, and through the end of all containers."""

from grader.check import Evidence, Feedback, check

_SERVICE = "com.docker.compose.service"


def _said(evidence: Evidence, probe: str, what: str) -> str:
    """Return what a probe's script said of something, in a line of its own."""
    for line in evidence.probe(probe).stdout.splitlines():
        word, colon, rest = line.partition(": ")
        if colon and word == what:
            return rest.strip()
    return ""


def _output(evidence: Evidence) -> str:
    return (evidence.run.stderr + evidence.run.stdout).strip()[-600:] or "compose said nothing"


def _first(evidence: Evidence, service: str, action: str, health: str = "") -> float | None:
    """Return when something first happened to a container of a service, or ``None``."""
    for event in evidence.events:
        if (
            event.kind == "container"
            and event.attributes.get(_SERVICE) == service
            and event.action == action
            and (not health or event.attributes.get("health") == health)
        ):
            return event.at_ms
    return None


@check("The database lets in who knows the password", points=1)
def database(evidence: Evidence) -> Feedback | None:
    right = _said(evidence, "database", "right password")
    wrong = _said(evidence, "database", "wrong password")
    if right == "let in" and wrong and wrong != "let in":
        return None
    said = f"with the password: {right or 'nothing'}; with another: {wrong or 'nothing'}"
    return Feedback(
        "no-database",
        f"The database {evidence.parameters['database']} is not there, or does not let in the right people.",
        expected=f"{evidence.parameters['user']} let in with the password, as its owner, and refused without",
        actual=said[:400] if right or wrong else _output(evidence),
        why="An image of a database has no data in it: its variables say what is made when it first starts.",
    )


@check("The health check can tell whether the database answers", points=2, after=("database",))
def health(evidence: Evidence) -> Feedback | None:
    running, asleep = (_said(evidence, "health", which) for which in ("with database", "without database"))
    if running == "0" and asleep not in ("", "0"):
        return None
    figures = f"status {running or 'unknown'} with the database, {asleep or 'unknown'} without"
    return Feedback(
        "no-health-check",
        "The service db has no health check, or one that says the same whether the database answers or not.",
        expected="a command that ends with 0 where the database runs, and only there",
        actual=figures
        if running or asleep
        else evidence.probe("health").stdout.strip()[:200] or "no health check",
        why="What waits for a health check can rely on no more than the check has looked at.",
    )


@check("The application is started once the database is healthy", points=2, after=("health",))
def order(evidence: Evidence) -> Feedback | None:
    healthy, started = _first(evidence, "db", "health_status", "healthy"), _first(evidence, "app", "start")
    if healthy is not None and started is not None and started > healthy:
        return None
    moments = [
        f"db healthy {'never' if healthy is None else f'after {healthy / 1000:.1f} s'}",
        f"app started {'never' if started is None else f'after {started / 1000:.1f} s'}",
    ]
    return Feedback(
        "started-too-early",
        "The service app was not started after db had become healthy.",
        expected="app started after db was healthy",
        actual="; ".join([*moments, *([_output(evidence)] if started is None else [])]),
        why="Containers start within moments, databases do not: who comes too early finds nobody there.",
    )


@check("What is written through the host's port is in the database", points=2, after=("database",))
def answers(evidence: Evidence) -> Feedback | None:
    stored = _said(evidence, "write", "stored")
    if stored == "rows|1":
        return None
    reply = _said(evidence, "write", "reply")
    return Feedback(
        "not-answering",
        f"An entry sent to port {evidence.parameters['port']} of the host did not get into the database.",
        expected="the entry in the table `entries`",
        actual=f"the reply: {reply or 'none'}; the database: {stored or 'nothing'}"[:400],
        why="Three things have to agree: the port, the database's name, and the password.",
    )


@check("It is still there after `down` and `up`", points=2, after=("answers",))
def survives(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("down-and-up")
    if "still there" in probe.stdout.splitlines():
        return None
    return Feedback(
        "lost",
        "After `docker compose down` and `docker compose up` the entry is gone.",
        expected="the entry",
        actual=probe.error or probe.stdout.strip()[-400:] or "other entries, or none",
        why="A container is something to be thrown away; what people wrote is not.",
    )
