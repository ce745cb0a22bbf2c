"""Finds the control groups of OOM kills that the kernel log does not name, through the groups' counters.

The log names the groups of ten kills in five seconds, on the whole machine: more answers than that at once
would leave the rest without. The counters are not limited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from grader.evidence import OomKill
from grader.observe.cgroups import Pressure


def place(kills: Sequence[OomKill], groups: Mapping[str, Pressure]) -> tuple[OomKill, ...]:
    """Return `kills` with the groups that the log left out, where there is only one possibility.

    Args:
        kills: Of one sandbox.
        groups: Its groups, by path.
    """
    named = Counter(kill.victim_group for kill in kills)
    unexplained = {path: group.victims - named[path] for path, group in groups.items()}
    places = [path for path, count in unexplained.items() if count > 0]
    return tuple(kill if kill.group else _placed(kill, groups, places) for kill in kills)


def _placed(kill: OomKill, groups: Mapping[str, Pressure], places: Sequence[str]) -> OomKill:
    """Place one kill: its victim in a group that counts more of them than the log names."""
    seen_in = [path for path in places if kill.pid in groups[path].members] or places
    if len(seen_in) != 1:
        return kill
    victim = seen_in[0]
    # Whose limit it was: that of the only group around the victim that ever was full.
    limits = [path for path, group in groups.items() if group.full and _holds(path, victim)]
    return replace(kill, group=limits[0] if len(limits) == 1 else None, victim_group=victim)


def _holds(path: str, victim: str) -> bool:
    return victim == path or victim.startswith(f"{path.rstrip('/')}/")
