"""Archives of both containers are compared; events tell whether they were left as they were."""

from grader.check import Evidence, Feedback, check

_DISTURBANCES = ("create", "start", "die", "kill", "stop", "restart", "destroy", "rename", "pause")


def _original(evidence: Evidence) -> str | None:
    """Return what the ledger says, unless somebody replaced it by one that this participant's never was."""
    text = evidence.probe("original").stdout
    return text if text.startswith(f"ledger of {evidence.parameters['secret']}\n") else None


def _differs(name: str, message: str, evidence: Evidence, found: str, why: str) -> Feedback | None:
    original = _original(evidence)
    if original is not None and found == original:
        return None
    expected, actual = original or "the ledger as it was, which is no longer in its container", found[:200]
    if actual.split() == expected.split():
        expected, actual = repr(expected), repr(actual)  # they differ in what cannot be seen
    return Feedback(
        name,
        message,
        expected=expected,
        actual=actual or "no such file, or nothing in it",
        why=why,
    )


@check("The file was brought out of the container that has ended", points=2)
def out(evidence: Evidence) -> Feedback | None:
    return _differs(
        "not-brought-out",
        f"/work/{evidence.parameters['file']} is not a copy of the file in {evidence.parameters['ended']}.",
        evidence,
        evidence.probe("outside").stdout,
        "What a program leaves behind can be saved without running it again.",
    )


@check("The file was delivered to the container that runs", points=2)
def delivered(evidence: Evidence) -> Feedback | None:
    return _differs(
        "not-delivered",
        f"{evidence.parameters['running']} does not have a copy of the file in /srv/inbox.",
        evidence,
        evidence.probe("delivered").stdout,
        "A running program can be given new files without being stopped.",
    )


@check("The note is in the container that has ended", points=2)
def note(evidence: Evidence) -> Feedback | None:
    wanted, found = str(evidence.parameters["note"]), evidence.probe("note").stdout
    if found.strip() == wanted:
        return None
    return Feedback(
        "no-note",
        f"{evidence.parameters['ended']} has no such note.",
        expected=wanted,
        actual=found[:200] or evidence.probe("note").error or "an empty file",
        why="A container that has ended keeps its own writable layer until it is removed.",
    )


@check("Both containers were left as they were", points=1, after=("out", "delivered", "note"))
def untouched(evidence: Evidence) -> Feedback | None:
    names = [str(evidence.parameters[name]) for name in ("ended", "running")]
    found = {name: evidence.engine.container(name) for name in names}
    identities = {container.id: name for name, container in found.items() if container is not None}
    # A container that took the name of another betrays itself by its own creation.
    happened = [
        f"{identities[event.id]}: {event.action}"
        for event in evidence.events
        if event.kind == "container" and event.id in identities and event.action in _DISTURBANCES
    ]
    ended, running = found[names[0]], found[names[1]]
    runs = running is not None and bool(running.processes)
    rests = ended is not None and not ended.processes
    if not happened and runs and rests:
        return None
    state = f"{names[0]} {'rests' if rests else 'runs'}, {names[1]} {'runs' if runs else 'does not run'}"
    return Feedback(
        "disturbed",
        "A container was started, interrupted or made anew.",
        expected=f"{names[0]} at rest and {names[1]} running, all the time",
        actual="; ".join(happened) or state,
        why="A program that runs once more may undo what you wanted to look at.",
    )
