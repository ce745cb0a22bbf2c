"""The kernel says which namespaces the process is in; these are then read from outside."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Process

# Where it has the modules, the kernel adds these to every new network by itself
# (net.core.fb_tunnels_only_for_init_net in Documentation/admin-guide/sysctl/net.rst).
_FALLBACK_TUNNELS = frozenset(
    ("tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0")
)


def _sleeps(evidence: Evidence) -> list[Process]:
    seconds = str(evidence.parameters["seconds"])
    return [
        process
        for process in evidence.processes.living()
        if process.comm in ("sleep", "busybox") and process.argv[-1:] == (seconds,)
    ]


def _sleep(evidence: Evidence) -> Process:
    """Return the sleep that is the farthest from the sandbox's own namespaces, should there be several."""
    own = evidence.processes.sandbox
    return max(
        _sleeps(evidence),
        key=lambda process: sum(process.namespaces.get(kind) != own.get(kind) for kind in ("uts", "net")),
    )


def _apart(evidence: Evidence, kind: str) -> int | None:
    """Return the inode of the sleep's namespace of that kind, or ``None`` if it is the sandbox's."""
    found = _sleep(evidence).namespaces.get(kind)
    return None if found == evidence.processes.sandbox.get(kind) else found


def _wanted_name(evidence: Evidence) -> str:
    return f"{evidence.parameters['name']}-{evidence.parameters['number']}"


@check("The sleep runs", points=1)
def sleeps(evidence: Evidence) -> Feedback | None:
    if _sleeps(evidence):
        return None
    running = [" ".join(process.argv) for process in evidence.processes.living() if process.nspid != (1,)]
    return Feedback(
        "no-sleep",
        "That sleep was not running when your script ended or waited.",
        expected=f"sleep {evidence.parameters['seconds']}",
        actual="; ".join(running) or "nothing was running",
        why="A namespace lives as long as somebody is in it: without a process there is nothing to look at.",
    )


@check("It has a host name of its own", points=2, after=("sleeps",))
def host_name(evidence: Evidence) -> Feedback | None:
    space, names = _apart(evidence, "uts"), evidence.processes.hostnames
    found = names.get(str(_sleep(evidence).namespaces.get("uts")))
    if space is not None and found == _wanted_name(evidence):
        return None
    return Feedback(
        "wrong-name",
        "The sleep does not have that host name in a UTS namespace of its own.",
        expected=f"{_wanted_name(evidence)}, for the sleep alone",
        actual=f"{found}, {'for it alone' if space is not None else 'shared with the sandbox'}",
        why="Prompts, logs and licence checks show the host name: who shares it cannot be told apart.",
    )


@check("The sandbox keeps its name", points=1, after=("sleeps", "host_name"))
def outside(evidence: Evidence) -> Feedback | None:
    found = evidence.processes.hostnames.get(str(evidence.processes.sandbox.get("uts")))
    if found == "sandbox":
        return None
    return Feedback(
        "renamed-outside",
        "The system outside has got another name, too.",
        expected="sandbox",
        actual=str(found),
        why="A container that renames its host confuses everybody else on it.",
    )


@check("It has a network of its own, with nothing but lo", points=2, after=("sleeps",))
def network(evidence: Evidence) -> Feedback | None:
    space = _apart(evidence, "net")
    seen = evidence.networks.get(space) if space is not None else None
    interfaces = set(seen.interfaces) - _FALLBACK_TUNNELS if seen is not None else set()
    if interfaces == {"lo"}:
        return None
    return Feedback(
        "wrong-network",
        "The sleep is not in an empty network namespace of its own.",
        expected="a network of its own with the interface lo",
        actual=f"a network with {', '.join(sorted(interfaces)) or 'nothing'}"
        if space is not None
        else "the sandbox's network",
        why="Programs in one network reach each other's ports on 127.0.0.1, whatever else divides them.",
    )


@check("Both numbers are reported as they are", points=2, after=("host_name", "network"))
def reported(evidence: Evidence) -> Feedback | None:
    lines = [
        line.replace(":", " ").replace("[", " ").replace("]", " ").replace("=", " ").split()
        for line in evidence.run.stdout.splitlines()
    ]
    # With several sleeps any one that is as it should be will do, as long as both numbers are its own.
    own = evidence.processes.sandbox
    truths = [
        {"UTS": str(process.namespaces.get("uts")), "NET": str(process.namespaces.get("net"))}
        for process in _sleeps(evidence)
        if all(process.namespaces.get(kind) != own.get(kind) for kind in ("uts", "net"))
    ]
    printed = {words[0].upper(): words[-1] for words in lines if len(words) > 1}
    answer = {word: printed.get(word, "nothing") for word in ("UTS", "NET")}
    if answer in truths:
        return None
    return Feedback(
        "wrong-numbers",
        "The numbers that you printed are not those of the sleep's namespaces.",
        expected="; ".join(f"UTS {truth['UTS']} and NET {truth['NET']}" for truth in truths),
        actual=f"UTS {answer['UTS']} and NET {answer['NET']}",
        why="These numbers are how one finds out on a busy machine which processes belong together.",
    )
