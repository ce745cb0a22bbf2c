"""The group is read from outside; who was killed, and under whose limit, is the kernel's to say."""

from grader.check import Evidence, Feedback, check

_MIB = 1 << 20
_SHORT_OF_LIMIT = 4 * _MIB  # a kill comes before the last pages are taken: a peak is not quite the limit
_SHELLS = {"bash", "sh", "dash", "busybox"}


def _path(evidence: Evidence) -> str:
    return f"/{evidence.parameters['group']}"


@check("The group exists", points=1)
def own_group(evidence: Evidence) -> Feedback | None:
    path = _path(evidence)
    found = evidence.cgroups.get(path)
    if found is not None and found.alive:
        return None
    others = sorted(set(evidence.cgroups) - {"/", "/init"})
    return Feedback(
        "no-group",
        "There is no control group of that name at the top of the memory hierarchy.",
        expected=path,
        actual="it was removed" if found is not None else ", ".join(others) or "no group at all",
        why="Limits belong to groups: without one of your own there is nothing to set a limit on.",
    )


@check("Its memory is limited as asked", points=1, after=("own_group",))
def limit(evidence: Evidence) -> Feedback | None:
    wanted = int(evidence.parameters["limit"]) * _MIB
    found = evidence.cgroups[_path(evidence)].memory_limit
    if found == wanted:
        return None
    return Feedback(
        "wrong-limit",
        "The group's memory limit is not the one that was asked for.",
        expected=f"{wanted} bytes",
        actual="no limit" if found is None else f"{found} bytes",
        why="A container that gets 1000 * 1000 instead of 1024 * 1024 bytes, or no limit, "
        "behaves differently under load.",
    )


@check("It cannot swap", points=1, after=("own_group", "limit"))
def no_swap(evidence: Evidence) -> Feedback | None:
    if evidence.cgroups["/"].swap_limit is None:
        return None  # this kernel does not account for swap: nothing to forbid
    found = evidence.cgroups[_path(evidence)].swap_limit
    if found == 0:
        return None
    return Feedback(
        "swap-allowed",
        "The group may still swap.",
        expected="0 bytes of swap",
        actual="no limit" if found is None else f"{found} bytes",
        why="A limit on memory alone only moves the excess to the disk, and the whole machine slows down.",
    )


@check("The kernel killed a member of the group, under the group's own limit", points=2, after=("own_group",))
def killed_inside(evidence: Evidence) -> Feedback | None:
    path = _path(evidence)
    if evidence.oom.confirmed(path):
        return _below_the_limit(evidence)
    elsewhere = sorted({kill.group or "unknown" for kill in evidence.oom.kills})
    if elsewhere:
        return Feedback(
            "killed-elsewhere",
            "The kernel killed something, but not because your group's limit was hit.",
            expected=path,
            actual=", ".join(elsewhere),
            why="The limit that is hit first decides: yours must be lower than the one around "
            "it, and the process inside.",
        )
    return Feedback(
        "no-kill",
        "The kernel killed nothing.",
        expected=f"a kill under the limit of {path}",
        actual=f"the group's counter says {evidence.oom.counters.get(path, 0)}",
        why="Only a limit that has been hit is known to hold.",
    )


def _below_the_limit(evidence: Evidence) -> Feedback | None:
    """Complain about a kill that happened while the group had a smaller limit than it should have."""
    wanted, peak = int(evidence.parameters["limit"]) * _MIB, evidence.cgroups[_path(evidence)].memory_peak
    if peak >= wanted - _SHORT_OF_LIMIT:
        return None
    return Feedback(
        "other-limit-hit",
        "The kernel killed a member of your group, but not at the limit that was asked for.",
        expected=f"a peak of about {wanted} bytes",
        actual=f"a peak of {peak} bytes: at that moment the limit was another one",
        why="What happened under one limit says nothing about another one that is set later.",
    )


@check("A shell of yours was in the group", points=1, after=("own_group", "killed_inside"))
def shell_inside(evidence: Evidence) -> Feedback | None:
    members = frozenset(evidence.cgroups[_path(evidence)].members)
    names = {process.comm for process in evidence.processes.all if process.pid in members}
    if names & _SHELLS or not names:
        return None  # a look from outside can miss a group that lived for milliseconds, not a part of it
    return Feedback(
        "shell-not-inside",
        "No shell stayed among the group's members: what was seen there is the program that was killed.",
        expected="a shell in the group",
        actual=", ".join(sorted(names)),
        why="Children inherit the group of their parent: moving the shell is what confines everything it "
        "starts. `exec`, and often the last command of a subshell, takes the shell's place and dies in it.",
    )


@check("The shell lived on", points=1, after=("killed_inside",))
def lived_on(evidence: Evidence) -> Feedback | None:
    run = evidence.run
    if run.ended == "exit" and run.exit_code == 0:
        return None
    return Feedback(
        "shell-died",
        "Your script did not end with status 0.",
        expected="status 0",
        actual=f"status {run.exit_code}" if run.ended == "exit" else f"ended by the grader: {run.ended}",
        why="The kernel kills one process, not the group: a supervisor that survives can "
        "start its worker again.",
    )
