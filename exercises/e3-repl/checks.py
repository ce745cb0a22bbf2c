"""The conversation says what the REPL can do, the host whose process it is, the engine what is left."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Event, Process

_CXUSER = 602
_CONVERSATIONS = 2


def _python(evidence: Evidence) -> Process | None:
    probe = evidence.probe("talk")
    return next((process for process in probe.processes if process.comm.startswith("python3")), None)


def _replies(evidence: Evidence) -> list[str]:
    return [str(reply) for reply in evidence.probe("talk").details.get("replies", ())]


def _created(evidence: Evidence) -> Event | None:
    """Return the birth of the container in which the REPL was."""
    born = [event for event in evidence.events if (event.kind, event.action) == ("container", "create")]
    process = _python(evidence)
    group = process.group if process else ""
    return next((event for event in born if event.id and event.id in group), None)


def _project(evidence: Evidence) -> list[str]:
    return evidence.probe("project").stdout.split()


@check("The REPL answers on a terminal", points=1)
def answers(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("talk")
    if len(_replies(evidence)) == 4 and _python(evidence) is not None:
        return None
    said = probe.stdout.strip()[-300:]
    return Feedback(
        "no-repl",
        "The conversation did not get to its end, or it was not Python in a container that talked.",
        expected="four times the prompt `cx> `, from python3 in a container",
        actual=said or probe.error or "nothing",
        why="Without an open input the REPL ends at once; without a terminal it prints no prompt.",
    )


@check("It runs as the student's user", points=1, after=("answers",))
def as_student(evidence: Evidence) -> Feedback | None:
    process = _python(evidence)
    if process is not None and process.uid == _CXUSER:
        return None
    return Feedback(
        "wrong-user",
        "The REPL ran as somebody else, as the host sees it.",
        expected=str(_CXUSER),
        actual=str(process.uid) if process else "no process",
        why="The image's own user is the platform's, who may read what students must not.",
    )


@check("The project is there", points=1, after=("answers",))
def project(evidence: Evidence) -> Feedback | None:
    found = _project(evidence)
    value = found[found.index("value") + 1] if "value" in found[:-1] else "?"
    wanted = f"['found', {value}, '/home/{evidence.parameters['place']}', True]"
    replies = _replies(evidence)
    if wanted in (line.strip() for line in replies[2].splitlines()):
        return None
    lines = (replies[1] + replies[2]).splitlines()
    said = [line for line in lines if "Error" in line or line.startswith("['found'")]
    return Feedback(
        "no-project",
        "The REPL does not find the module, or does not start in the project's folder.",
        expected=wanted,
        actual="; ".join(said)[:300] or "nothing",
        why="A REPL without one's own code is a pocket calculator.",
    )


@check("The project cannot be written", points=1, after=("project",))
def read_only(evidence: Evidence) -> Feedback | None:
    written, reply = "written" in _project(evidence), _replies(evidence)[3]
    if not written and "Error" in reply:
        return None
    return Feedback(
        "project-writable",
        "What was typed into the REPL has made a new file in the project's folder.",
        expected="an error, and no new file",
        actual="/work/project/written" if written else reply.strip()[-200:],
        why="A folder that is shared is the host's own folder: deleting in it deletes on the host.",
    )


@check("It has no network", points=1, after=("answers",))
def no_network(evidence: Evidence) -> Feedback | None:
    born = _created(evidence)
    joined = [
        event.attributes.get("name", "?")
        for event in evidence.events
        if (event.kind, event.action) == ("network", "connect")
        and born is not None
        and event.attributes.get("container") == born.id
    ]
    if born is not None and joined in ([], ["none"]):
        return None
    return Feedback(
        "has-network",
        "The container was connected to a network.",
        expected="none",
        actual=", ".join(joined) or "unknown",
        why="Students' programs on the servers have none either.",
    )


@check("Status and end are as they should", points=1, after=("answers",))
def ends(evidence: Evidence) -> Feedback | None:
    status = int(evidence.parameters["status"])
    for name, wanted in (("talk", status), ("another-end", status // 2)):
        found = evidence.probe(name).exit_code
        if found != wanted:
            return Feedback(
                "wrong-status",
                f"The script did not end with the status of the REPL, which was left by exit({wanted}).",
                expected=str(wanted),
                actual="it did not end" if found is None else str(found),
                why="Whoever starts a script has only its status to go by.",
            )
    born = [event for event in evidence.events if (event.kind, event.action) == ("container", "create")]
    if len(born) < _CONVERSATIONS:
        return Feedback(
            "not-anew",
            "Not every conversation had a new container.",
            expected=f"{_CONVERSATIONS} containers for {_CONVERSATIONS} conversations",
            actual=str(len(born)),
            why="What somebody leaves in a container is there for the next one to find.",
        )
    left = [container.name for container in evidence.engine.containers]
    if not left:
        return None
    return Feedback(
        "left-behind",
        "A container is left.",
        expected="no container",
        actual=", ".join(left),
        why="Every conversation would leave one more, with all its files.",
    )
