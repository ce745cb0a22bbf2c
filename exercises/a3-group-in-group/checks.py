"""Both groups are read from outside; whose limit killed whom is the kernel's to say."""

from grader.check import Evidence, Feedback, check

_MIB = 1 << 20
_BESIDES = 8 * _MIB  # what a program needs for itself


def _outer(evidence: Evidence) -> str:
    return f"/{evidence.parameters['outer']}"


def _inner(evidence: Evidence) -> str:
    return f"{_outer(evidence)}/{evidence.parameters['inner']}"


def _number(evidence: Evidence, name: str) -> int:
    return int(evidence.parameters[name])


@check("One group is inside the other", points=1)
def nested(evidence: Evidence) -> Feedback | None:
    missing = [path for path in (_outer(evidence), _inner(evidence)) if path not in evidence.cgroups]
    if not missing:
        return None
    others = sorted(set(evidence.cgroups) - {"/", "/init"})
    return Feedback(
        "no-groups",
        "The groups are not there, or not inside each other.",
        expected=_inner(evidence),
        actual=", ".join(others) or "no group at all",
        why="A group's place in the tree decides which limits hold for it: all of those above it.",
    )


@check("Both are limited as asked", points=1, after=("nested",))
def limits(evidence: Evidence) -> Feedback | None:
    wanted = (_number(evidence, "limit") * _MIB, _number(evidence, "wide") * _MIB)
    found = tuple(evidence.cgroups[path].memory_limit for path in (_outer(evidence), _inner(evidence)))
    if found == wanted:
        return None
    outer, inner = ("no limit" if limit is None else f"{limit} bytes" for limit in found)
    return Feedback(
        "wrong-limits",
        "The groups' memory limits are not those that were asked for.",
        expected=f"{wanted[0]} bytes outside, {wanted[1]} bytes inside",
        actual=f"{outer} outside, {inner} inside",
        why="The inner limit is wider on purpose: only then does it show that the outer one holds for both.",
    )


@check("The outer group cannot swap", points=1, after=("nested", "limits"))
def no_swap(evidence: Evidence) -> Feedback | None:
    if evidence.cgroups["/"].swap_limit is None:
        return None  # this kernel does not account for swap: nothing to forbid
    found = evidence.cgroups[_outer(evidence)].swap_limit
    if found == 0:
        return None
    return Feedback(
        "swap-allowed",
        "The outer group may still swap.",
        expected="0 bytes of swap",
        actual="no limit" if found is None else f"{found} bytes",
        why="A limit on memory alone moves the excess to the disk.",
    )


@check("All children were in the inner group", points=2, after=("nested",))
def children(evidence: Evidence) -> Feedback | None:
    inner, wanted = _inner(evidence), _number(evidence, "children")
    # One that was killed within milliseconds may not have been seen otherwise than in the kernel's log.
    killed = {kill.pid for kill in evidence.oom.kills if kill.victim_group == inner}
    found = len(killed | set(evidence.cgroups[inner].members))
    if found >= wanted:
        return None
    return Feedback(
        "too-few-children",
        "Fewer processes than asked were members of the inner group.",
        expected=f"{wanted}",
        actual=f"{found}",
        why="A child is born into the group of its parent: move the parent first, and none can get away.",
    )


@check("The outer limit killed those inside that did not fit", points=3, after=("limits", "children"))
def killed(evidence: Evidence) -> Feedback | None:
    outer, inner = _outer(evidence), _inner(evidence)
    least = _number(evidence, "children") - _number(evidence, "limit") // _number(evidence, "share")
    recorded = [kill for kill in evidence.oom.kills if kill.group == outer and kill.victim_group == inner]
    counted = evidence.oom.counters.get(inner, 0)
    if recorded and counted >= least:
        return _greedy(evidence)
    elsewhere = sorted({kill.group or "unknown" for kill in evidence.oom.kills})
    return Feedback(
        "not-killed",
        "The outer group's limit did not kill as many processes of the inner group as cannot fit.",
        expected=f"at least {least} of {inner}, under the limit of {outer}",
        actual=f"{counted} of {inner}; limits that were hit: {', '.join(elsewhere) or 'none'}",
        why="Only what the kernel enforced is known to hold: each process alone was far below both limits.",
    )


def _greedy(evidence: Evidence) -> Feedback | None:
    """Complain about victims that took far more than a child's share."""
    share = _number(evidence, "share") * _MIB
    largest = max((kill.own_bytes or 0 for kill in evidence.oom.kills), default=0)
    if largest <= 2 * share + _BESIDES:  # perl keeps a text twice where the program says its length
        return None
    return Feedback(
        "greedy-child",
        "A process was killed that had taken far more memory than the share of one child.",
        expected=f"about {share} bytes in each process",
        actual=f"{largest} bytes in one that was killed",
        why="One greedy process hits any limit. That modest ones do so together is what a group is for.",
    )


@check("Those that fit live on", points=1, after=("killed",))
def survivors(evidence: Evidence) -> Feedback | None:
    inner, run = evidence.cgroups[_inner(evidence)], evidence.run
    least = _number(evidence, "share") * _MIB  # how many fit depends on what each needs besides its share
    living = [process for process in evidence.processes.living() if process.pid in inner.members]
    held = evidence.cgroups[_outer(evidence)].memory_current
    ended_well = run.ended == "exit" and run.exit_code == 0
    if living and held >= least and ended_well:
        return None
    status = f"status {run.exit_code}" if run.ended == "exit" else f"ended by the grader: {run.ended}"
    return Feedback(
        "no-survivors",
        "Your script did not end well, or the processes that fit were not there with their memory by then.",
        expected=f"processes that hold {least} bytes or more, and status 0",
        actual=f"{len(living)} processes that hold {held} bytes, and {status}",
        why="The kernel kills no more than it has to: whoever stays within the limit goes on working.",
    )
