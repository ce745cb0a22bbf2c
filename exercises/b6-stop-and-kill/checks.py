"""The engine's events tell what was sent when; exit statuses and the programs' own notes have to agree."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Event

_TERM, _KILL = "15", "9"
_KILLED = 128 + 9
_EARLY_MS, _LATE_MS = 500.0, 3000.0  # a busy machine takes seconds to start a client


def _happened(evidence: Evidence, who: str) -> list[Event]:
    """Return what happened to the container with that role, in order; what was made anew has no history."""
    container = evidence.engine.container(str(evidence.parameters[who]))
    events = [event for event in evidence.events if container is not None and event.id == container.id]
    return [] if any(event.action == "create" for event in events) else events


def _signals(events: list[Event]) -> list[str]:
    return [event.attributes.get("signal", "?") for event in events if event.action == "kill"]


def _moment(events: list[Event], action: str, signal: str | None = None) -> float | None:
    found = (
        event.at_ms
        for event in events
        if event.action == action and signal in (None, event.attributes.get("signal"))
    )
    return next(found, None)


def _ending(evidence: Evidence, who: str) -> tuple[int | None, bool]:
    """Return the exit status of a container that has ended, and whether it noted the signal TERM."""
    container = evidence.engine.container(str(evidence.parameters[who]))
    ended = container is not None and container.status == "exited" and not container.processes
    noted = "TERM" in evidence.probe(who).stdout
    return (container.exit_code if container is not None and ended else None), noted


def _described(evidence: Evidence, who: str) -> str:
    status, noted = _ending(evidence, who)
    signals = ", ".join(_signals(_happened(evidence, who))) or "none"
    return (
        f"{'still there' if status is None else f'status {status}'}, signals sent by the engine: {signals}, "
        f"TERM {'was' if noted else 'was not'} noted"
    )


@check("The polite one was asked, and ended by itself", points=2)
def polite(evidence: Evidence) -> Feedback | None:
    status, noted = _ending(evidence, "polite")
    signals = _signals(_happened(evidence, "polite"))
    if status == int(evidence.parameters["code"]) and noted and signals == [_TERM]:
        return None
    return Feedback(
        "not-asked",
        f"{evidence.parameters['polite']} was not asked to end, or could not do so by itself.",
        expected=f"status {evidence.parameters['code']}, signals sent by the engine: {_TERM}, TERM was noted",
        actual=_described(evidence, "polite"),
        why="A program that is asked can save its data, finish requests, and say how it went.",
    )


@check("The stubborn one was asked, and killed after the grace period", points=3)
def stubborn(evidence: Evidence) -> Feedback | None:
    events = _happened(evidence, "stubborn")
    status, noted = _ending(evidence, "stubborn")
    asked, killed = _moment(events, "kill", _TERM), _moment(events, "kill", _KILL)
    wanted_ms = int(evidence.parameters["grace"]) * 1000.0
    if asked is None or killed is None or not noted or status != _KILLED:
        return Feedback(
            "not-asked-then-killed",
            f"{evidence.parameters['stubborn']} was not asked first and killed then.",
            expected=f"status {_KILLED}, signals sent by the engine: {_TERM}, {_KILL}, TERM was noted",
            actual=_described(evidence, "stubborn"),
            why="Who is asked first may always turn out to be listening after all.",
        )
    if wanted_ms - _EARLY_MS <= killed - asked <= wanted_ms + _LATE_MS:
        return None
    return Feedback(
        "wrong-grace",
        "The time between the request and the kill is not the grace period that was asked for.",
        expected=f"{wanted_ms / 1000:.0f} s",
        actual=f"{(killed - asked) / 1000:.1f} s",
        why="Too short a period kills programs in their shutdown; too long a one holds up everyone.",
    )


@check("The doomed one was killed at once", points=2)
def doomed(evidence: Evidence) -> Feedback | None:
    status, noted = _ending(evidence, "doomed")
    signals = _signals(_happened(evidence, "doomed"))
    if status == _KILLED and set(signals) == {_KILL} and not noted:
        return None
    return Feedback(
        "not-killed-at-once",
        f"{evidence.parameters['doomed']} was not killed at once.",
        expected=f"status {_KILLED}, signals sent by the engine: {_KILL}, TERM was not noted",
        actual=_described(evidence, "doomed"),
        why="A request is something that a program can answer in its own way; nobody answers KILL.",
    )
