"""The server's own log says what it was sent, and the kernel, that somebody connected to send it."""

import hashlib

from grader.check import Evidence, Feedback, check

_WORD = "RECEIPT"
_FIELDS = 3
_SAID = 300


def _receipts(evidence: Evidence) -> dict[str, str]:
    """Return the lines that the server was sent, by the receipts that it gave for them."""
    found = {}
    for line in evidence.probe("log").stdout.splitlines():
        words = line.split(" ", _FIELDS - 1)
        signed = f"{evidence.parameters['secret']} {' '.join(words[1:])}\n"
        if len(words) == _FIELDS and words[0] == hashlib.sha256(signed.encode()).hexdigest()[:16]:
            found[words[0]] = words[2].strip()
    return found


def _disturbed(evidence: Evidence) -> Feedback | None:
    """Complain about a container that did not run all the time."""
    container = evidence.engine.container(str(evidence.parameters["name"]))
    changes = [
        event.action
        for event in evidence.events
        if container is not None
        and event.kind == "container"
        and event.id == container.id
        and event.action in ("create", "start", "die", "kill", "stop", "restart", "rename", "pause")
    ]
    if container is not None and container.processes and not changes:
        return None
    return Feedback(
        "server-disturbed",
        "The server's container did not simply go on.",
        expected="the same container, running all the time",
        actual=", ".join(changes) or "it does not run",
        why="Others talk to it, too.",
    )


@check("The server has received the line", points=3)
def received(evidence: Evidence) -> Feedback | None:
    sent = list(_receipts(evidence).values())
    accepted = evidence.probe("accepted").stdout.strip()
    came = accepted.isdecimal() and int(accepted) >= len(sent)
    if not accepted.isdecimal() and (disturbed := _disturbed(evidence)):
        return disturbed  # nothing can be asked about a server that is gone
    if str(evidence.parameters["payload"]) in sent and came:
        return None
    return Feedback(
        "not-received",
        f"The server in {evidence.parameters['name']} was not sent that line.",
        expected=str(evidence.parameters["payload"]),
        actual=("; ".join(sent)[:_SAID] or evidence.probe("log").error or "nothing was sent")
        + ("" if came else f"; the kernel has accepted {accepted or 'no'} connections"),
        why="A server knows only what arrives at its port.",
    )


@check("The receipt was printed", points=2, after=("received",))
def printed(evidence: Evidence) -> Feedback | None:
    receipts = _receipts(evidence)
    lines = [line.replace(":", " ").split() for line in evidence.run.stdout.splitlines()]
    shown = [words[1] for words in lines if len(words) == 2 and words[0] == _WORD]
    if shown and receipts.get(shown[-1]) == str(evidence.parameters["payload"]):
        return None
    return Feedback(
        "no-receipt",
        "Your output does not end with a receipt that the server gave for that line.",
        expected=f"{_WORD} and what the server answered",
        actual=f"{_WORD} {shown[-1]}" if shown else evidence.run.stdout.strip()[-_SAID:] or "no output",
        why="A conversation has two directions: many a client closes the connection before it has listened.",
    )


@check("The server was left as it was", points=1, after=("received",))
def untouched(evidence: Evidence) -> Feedback | None:
    return _disturbed(evidence)
