"""The host says which network namespace a container's processes are in, and who listens there."""

from grader.check import Evidence, Feedback, check, made_from_other, only_number, short_answers
from grader.evidence import Process


def _inside(evidence: Evidence) -> list[Process]:
    container = evidence.engine.container(str(evidence.parameters["name"]))
    pids = frozenset(container.processes) if container is not None else frozenset()
    return [process for process in evidence.processes.living() if process.pid in pids]


def _line(evidence: Evidence, number: int) -> str:
    lines = short_answers(evidence, "answer.txt")
    return lines[number] if number < len(lines) else ""


@check("The container shares its machine's network", points=2)
def shares(evidence: Evidence) -> Feedback | None:
    machine = evidence.processes.sandbox.get("net")
    found = {process.namespaces.get("net") for process in _inside(evidence)}
    container = evidence.engine.container(str(evidence.parameters["name"]))
    if container is not None and found == {machine}:
        return made_from_other(evidence, container, "busybox")
    return Feedback(
        "own-network",
        "No running container of that name is in the network namespace of the machine.",
        expected=f"network namespace {machine}",
        actual=", ".join(map(str, found)) or (container.status if container else "no such container"),
        why="It is one option less for isolation: everything else about the container stays as it was.",
    )


@check("Its port is open on the machine", points=1, after=("shares",))
def listens(evidence: Evidence) -> Feedback | None:
    space = evidence.networks.get(evidence.processes.sandbox.get("net", 0))
    ports = space.listening if space is not None else ()
    # As the kernel tells `ss`: process ids are those of the machine, the outermost that the answer can see.
    listeners = set(evidence.probe("listeners").stdout.split())
    inside = {str(process.nspid[0]) for process in _inside(evidence) if process.nspid}
    if int(evidence.parameters["inside"]) in ports and listeners & inside:
        return None
    return Feedback(
        "not-listening",
        "No process of that container listens on that port of the machine.",
        expected=str(evidence.parameters["inside"]),
        actual=f"listeners on ports {', '.join(map(str, ports)) or 'none'}; "
        f"on that one {'somebody else' if listeners else 'nobody'}",
        why="What such a container opens is open on the machine: nobody had to publish it, nobody was asked.",
    )


@check("It holds the page that only the machine may see", points=2, after=("shares",))
def page(evidence: Evidence) -> Feedback | None:
    found, truth = evidence.probe("page").stdout.strip(), evidence.probe("truth").stdout.strip()
    if found == truth and truth.startswith(f"{evidence.parameters['secret']}-"):
        return None
    return Feedback(
        "no-page",
        "/tmp/page in the container is not the administrators' page.",
        expected="the page as it is this time",
        actual=found[:200] or evidence.probe("page").error or "an empty file",
        why="Whatever trusts 127.0.0.1 trusts every program in such a container.",
    )


@check("What becomes of published ports is known", points=1)
def published(evidence: Evidence) -> Feedback | None:
    if only_number(_line(evidence, 0)) == str(evidence.parameters["inside"]):
        return None
    return Feedback(
        "wrong-port",
        "It answers on another port.",
        expected="the port that the server itself listens on",
        actual=_line(evidence, 0) or "no answer",
        why="Forwarding leads from one network to another: with one network there is nothing to forward.",
    )


@check("What becomes of many servers is known", points=1)
def several(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 1)
    if only_number(answer) == "1":
        return None
    return Feedback(
        "wrong-number",
        "Another number of them gets the port.",
        expected="as many as can listen on one port of one network",
        actual=answer or "no answer",
        why="With networks of their own, all of them could listen on the same number.",
    )
