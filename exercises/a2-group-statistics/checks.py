"""The same counters are read from outside: what was printed is compared with what the kernel says."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Cgroup

_MIB = 1 << 20
_BESIDES = 8 * _MIB
_LESS = _MIB
_PEAK_TOLERANCE = 4 << 10  # a page: the peak does not change any more when it is read
_CURRENT_TOLERANCE = 4 * _MIB


def _path(evidence: Evidence) -> str:
    return f"/{evidence.parameters['group']}"


def _group(evidence: Evidence) -> Cgroup:
    return evidence.cgroups[_path(evidence)]


def _printed(evidence: Evidence, word: str) -> int | None:
    """Return the number after the last `word` that begins a line."""
    lines = [line.replace(":", " ").replace("=", " ").split() for line in evidence.run.stdout.splitlines()]
    found = [words[1] for words in lines if len(words) > 1 and words[0].upper() == word]
    return int(found[-1]) if found and found[-1].isascii() and found[-1].isdigit() else None


def _held_values(group: Cgroup, most: int) -> list[int]:
    """Return what the group was seen to use once the burst was over, or at the last look."""
    highest = max((sample.bytes for sample in group.samples), default=0)
    burst_at = max((sample.at_ms for sample in group.samples if sample.bytes == highest), default=0.0)
    later = [sample.bytes for sample in group.samples if sample.at_ms > burst_at]
    # A burst that lasts is not at its highest all the time.
    return [group.memory_current, *(value for value in later if value <= most)]


@check("The group exists", points=1)
def own_group(evidence: Evidence) -> Feedback | None:
    found = evidence.cgroups.get(_path(evidence))
    if found is not None and found.alive:
        return None
    others = sorted(path for path, group in evidence.cgroups.items() if group.alive and path != "/")
    return Feedback(
        "no-group",
        "There is no control group of that name at the top of the memory hierarchy.",
        expected=_path(evidence),
        actual="it was removed" if found is not None else ", ".join(others) or "no group at all",
        why="The kernel counts for groups: without one of your own, your load is lost in everybody's.",
    )


def _why_wrong(group: Cgroup, burst: int, held: int) -> str:
    """Return what the counters of a group show that was not loaded as asked."""
    if group.memory_peak > burst + _BESIDES:
        return "A group counts everything in it, also what a program takes only for a moment."
    if group.memory_peak >= burst - _LESS and group.memory_current < held - _LESS:
        return "What a process held is given back when it ends: the load has to outlive your script."
    if group.memory_peak >= burst - _LESS:
        return "The second, smaller part of the load shows only once the first was given back."
    return (
        "A process is counted where it is when it takes memory: one that enters a group later, or never, "
        "leaves no trace in the group's counters, and a limit keeps it from taking what it wants."
    )


@check("The load ran in the group, and is held", points=2, after=("own_group",))
def load(evidence: Evidence) -> Feedback | None:
    group = _group(evidence)
    burst, held = (int(evidence.parameters[name]) * _MIB for name in ("burst", "held"))
    right_burst = burst - _LESS <= group.memory_peak <= burst + _BESIDES
    right_held = held - _LESS <= group.memory_current <= held + _BESIDES
    if right_burst and right_held:
        return None
    return Feedback(
        "wrong-load",
        "The group did not use the memory that the load should have used.",
        expected=f"a peak of about {burst} bytes, and about {held} bytes at the end",
        actual=f"a peak of {group.memory_peak} bytes, and {group.memory_current} bytes at the end",
        why=_why_wrong(group, burst, held),
    )


@check("Both counters are reported", points=1, after=("load",))
def reported(evidence: Evidence) -> Feedback | None:
    missing = [word for word in ("PEAK", "CURRENT") if _printed(evidence, word) is None]
    if not missing:
        return None
    return Feedback(
        "no-report",
        f"No line of your output has {' and '.join(missing)} and then a number of bytes.",
        expected="PEAK and CURRENT, each with a number of bytes",
        actual=evidence.run.stdout.strip()[-200:] or "no output",
        why="The two numbers are what the exercise asks for.",
    )


@check("The peak is the kernel's", points=2, after=("reported",))
def peak(evidence: Evidence) -> Feedback | None:
    printed, kernel = _printed(evidence, "PEAK") or 0, _group(evidence).memory_peak
    if abs(printed - kernel) <= _PEAK_TOLERANCE:
        return None
    return Feedback(
        "wrong-peak",
        "The peak that you printed is not the one that the kernel counted.",
        expected=f"{kernel} bytes, to within {_PEAK_TOLERANCE}",
        actual=f"{printed} bytes",
        why="A process needs more than the data it asks for: its own code, its stack, tables of the "
        "kernel. A limit set by calculation kills it.",
    )


@check("The current value is one of those while the load was held", points=2, after=("reported",))
def current(evidence: Evidence) -> Feedback | None:
    printed, most = _printed(evidence, "CURRENT") or 0, int(evidence.parameters["held"]) * _MIB + _BESIDES
    seen = _held_values(_group(evidence), most)
    if any(abs(printed - value) <= _CURRENT_TOLERANCE for value in seen):
        return None
    return Feedback(
        "wrong-current",
        "The current value that you printed was not seen while the load was held.",
        expected=f"{min(seen)} to {max(seen)} bytes, to within {_CURRENT_TOLERANCE}",
        actual=f"{printed} bytes",
        why="The current value changes with the load: it only tells about the moment at which it is read.",
    )
