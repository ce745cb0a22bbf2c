"""The host reads the interfaces of the container's network namespace; the collector tells what it heard."""

import hashlib

from grader.check import Evidence, Feedback, check
from grader.evidence import Container, Event, Process

_FIELDS = 4
_SAID = 300
_CHANGES = ("create", "start", "die", "kill", "stop", "restart", "rename", "pause", "destroy", "disconnect")
_NO_NETWORK = "null"  # the driver of the network `none`
# Tunnels that the kernel may put into every new network namespace (net.core.fb_tunnels_only_for_init_net).
_FALLBACK = frozenset(
    ("tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0")
)


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _inside(evidence: Evidence) -> list[Process]:
    container = _container(evidence)
    pids = frozenset(container.processes) if container is not None else frozenset()
    return [process for process in evidence.processes.living() if process.pid in pids]


def _concerns(event: Event, container: Container | None) -> bool:
    """Return whether an event of a network is about a container."""
    about = event.attributes.get("container") if event.kind == "network" else None
    return container is not None and about == container.id


def _signs(container: Container) -> tuple[str, str]:
    """Return how a container signs: with the id of the one whose network it uses, where it uses another's."""
    mode = str((container.inspect.get("HostConfig") or {}).get("NetworkMode") or "")
    return container.id[:12], mode.removeprefix("container:")[:12]


def _is_work(evidence: Evidence, container: Container | None, told: str) -> bool:
    """Return whether a result, below what is true, is right and signed by the container."""
    truth, _, result = told.partition("\n")
    words = result.split()
    signed = f"{evidence.parameters['secret']} {' '.join(words[:3])}\n"
    signature = hashlib.sha256(signed.encode()).hexdigest()[:16]
    right = len(words) == _FIELDS and words[1:] == [*truth.split(), signature]
    return right and container is not None and words[0] in _signs(container)


@check("The work was done by a container that still runs", points=1)
def counted(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    told, _, rest = evidence.probe("result").stdout.partition("\n")
    theirs = told == f"private {evidence.parameters['secret']}"
    result = rest.partition("\n")[2].strip()
    runs = container is not None and bool(container.processes)
    if theirs and runs and _is_work(evidence, container, rest):
        return None
    state = container.status if container is not None else "no such container"
    output = (evidence.run.stdout + evidence.run.stderr).strip()[-_SAID:]
    return Feedback(
        "not-counted",
        f"/work/{evidence.parameters['folder']}/result is not the work of a running container "
        f"{evidence.parameters['name']}.",
        expected=f"a result signed by {evidence.parameters['name']}",
        actual=f"{result[:_SAID] or 'no result'}; {state}; {output}",
        why="A container without a network still has its files.",
    )


@check("Started again, it counts another text", points=1, after=("counted",))
def counts_again(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("again")
    if _is_work(evidence, _container(evidence), probe.stdout):
        return None
    return Feedback(
        "not-counted-again",
        f"{evidence.parameters['name']} was restarted with another text, and made no result of it.",
        expected="a result of the new text, signed by the same container",
        actual=(probe.stdout + probe.stderr).strip()[:_SAID] or probe.error or "nothing",
        why="A container is how a program is run: what worked once has to work the next time.",
    )


@check("It has no network interface but loopback", points=3, after=("counted",))
def alone(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    joined = [
        str(event.attributes.get("name"))
        for event in evidence.events
        if event.action == "connect"
        and _concerns(event, container)
        and event.attributes.get("type") != _NO_NETWORK
    ]
    inodes = {process.namespaces.get("net", 0) for process in _inside(evidence)}
    found = {
        name
        for inode in inodes
        if inode in evidence.networks
        for name in evidence.networks[inode].interfaces
        if name not in _FALLBACK
    }
    if inodes and evidence.processes.sandbox.get("net") not in inodes and found == {"lo"} and not joined:
        return None
    return Feedback(
        "has-network",
        "The container's network namespace holds, or held, more than loopback, or is not its own.",
        expected="lo",
        actual=", ".join([*sorted(found), *joined]) or "no process to be seen",
        why="An interface is a way out, whether or not something answers at its other end today.",
    )


@check("The collector has heard nothing", points=2, after=("counted",))
def untold(evidence: Evidence) -> Feedback | None:
    collector = evidence.engine.container("collector")
    # The grader tells it something, too: that, and nothing else, is to be in its log.
    first, _, log = evidence.probe("told").stdout.partition("\n")
    mark, _, connections = first.partition(" ")
    told = [line for line in log.splitlines() if mark not in line]
    changes = [
        event.action
        for event in evidence.events
        if event.action in _CHANGES
        and (event.attributes.get("name") == "collector" or _concerns(event, collector))
    ]
    runs = collector is not None and bool(collector.processes)
    if runs and not changes and connections == "0" and log.splitlines() == [f"told: {mark}"]:
        return None
    heard = f"the kernel has accepted {connections} connections to it" if connections.strip("0") else ""
    return Feedback(
        "told",
        "The collector was told something, or was not left as it was.",
        expected="a running collector that heard nothing",
        actual="; ".join(told)[:_SAID] or ", ".join(changes) or heard or "it does not listen any more",
        why="Once is enough: what has left the machine cannot be called back.",
    )
