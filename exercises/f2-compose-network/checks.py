"""Connections from three places: what was written in the file matters only by what it opens and closes."""

from grader.check import Evidence, Feedback, check, other_image
from grader.evidence import Container


def _service(evidence: Evidence, name: str) -> Container | None:
    for container in evidence.engine.containers:
        labels = (container.inspect.get("Config") or {}).get("Labels") or {}
        if labels.get("com.docker.compose.service") == name and container.status == "running":
            return container
    return None


@check("Both services run", points=1)
def both_run(evidence: Evidence) -> Feedback | None:
    running = {name: _service(evidence, name) for name in ("app", "db")}
    missing = [name for name, container in running.items() if container is None or not container.processes]
    if (found := other_image(evidence, {"app": "busybox", "db": "busybox"})) is not None:
        return found
    if not missing:
        return None
    output = (evidence.run.stderr + evidence.run.stdout).strip()
    return Feedback(
        "not-running",
        f"No running container of the service {' and '.join(missing)}.",
        expected="app and db running",
        actual=output[-600:] or "compose said nothing",
        why="`docker compose ps --all` and `docker compose logs` tell what became of a service.",
    )


@check("The application reaches the database by its name", points=1, after=("both_run",))
def reaches(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("from-the-application")
    word = str(evidence.parameters["word"])
    if probe.details.get("connected") and word in probe.stdout:
        return None
    return Feedback(
        "database-not-reached",
        "From the application's network the database does not answer under its name.",
        expected=f"an answer with {word} from db:{evidence.parameters['port']}",
        actual=probe.error or probe.stderr.strip()[-200:] or probe.stdout.strip()[-200:] or "no answer",
        why="Addresses change with every start; names are what services can rely on.",
    )


@check("The application can be reached through the host", points=1, after=("both_run",))
def published(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("application-from-the-host")
    asked = evidence.probe("application-asked")
    word = str(evidence.parameters["word"])
    if word in probe.stdout or word in asked.stdout:
        return None
    return Feedback(
        "application-not-reached",
        "The application does not answer on the host's port.",
        expected=f"an answer with {word} on port {evidence.parameters['outside']}",
        actual=(probe.stdout + asked.stdout).strip()[-200:] or probe.error or asked.error or "no answer",
        why="What nobody can reach, nobody can use: the application is the one door of the project.",
    )


@check("Nobody else can reach the database", points=2, after=("both_run", "reaches"))
def closed(evidence: Evidence) -> Feedback | None:
    doors = []
    if evidence.probe("database-from-the-host").details.get("connected"):
        doors.append(f"port {evidence.parameters['port']} of the host")
    doors += evidence.probe("database-published").stdout.split("\n")
    stranger = evidence.probe("database-from-a-stranger")
    doors += stranger.stdout.split("\n")
    if not stranger.ok:
        doors.append("the look from a stranger's container did not end")
    opened = sorted({door for door in doors if door.strip()})
    if not opened:
        return None
    return Feedback(
        "database-open",
        "The database can be reached from outside the project.",
        expected="no way in",
        actual="; ".join(opened),
        why="A database trusts who can connect far more than a web server does.",
    )


@check("The application passes on what the database says", points=1, after=("published", "closed"))
def passes_on(evidence: Evidence) -> Feedback | None:
    anew = evidence.probe("application-anew")
    first, _, said = anew.stdout.partition("\n")
    mark = first.removeprefix("mark: ")
    if mark and mark in said:
        return None
    lines = said.split() or [anew.error or anew.stderr.strip()[-200:] or "no answer"]
    return Feedback(
        "not-passed-on",
        "Another database got the name `db`, and the application was started anew:"
        " it does not tell that one's word.",
        expected="the word of whoever is called `db`",
        actual=lines[-1],
        why="A word that the application knows by itself is out of date as soon as somebody writes to the"
        " database, and an address as soon as the database gets another one.",
    )
