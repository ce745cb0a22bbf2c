"""Words that several pages share: states, points, moments."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final, Literal

from markupsafe import Markup

from grader.errors import GraderError
from grader.model import Outcome
from grader.report.wording import points
from web.language import gettext, grouped, ngettext
from web.reply import iso
from worker.regrade import RegradeState
from worker.roster import LinesError
from worker.rules import Rule
from worker.submission import State

Unit = Literal["days", "minutes", "seconds"]

_TIMES: Final[dict[Unit, str]] = {"days": "%Y-%m-%d", "minutes": "%H:%M", "seconds": "%H:%M:%S"}
_ENGINES: Final = re.compile(r"waiting for an engine \((\d+) ready\)")
_STEP: Final = re.compile(r"building step (?P<step>\d+) of (?P<all>\d+(?: of \S+)?): (?P<what>.*)")
_FAILED: Final = re.compile(r"attempt (\d+) failed by our fault")


def of(part: float, whole: float) -> str:
    """Return how much of a whole there is, in points or otherwise: ``2.5 of 4``."""
    return gettext("%(part)s of %(whole)s", part=points(part), whole=points(whole))


def of_points(part: float, whole: float) -> str:
    """Return points as part of those that can be had: ``2.5 of 4 points``."""
    return ngettext(
        "%(part)s of %(whole)s point",
        "%(part)s of %(whole)s points",
        plural(whole),
        part=points(part),
        whole=points(whole),
    )


def all_points(whole: float) -> str:
    """Return the points that can be had: ``4 points``."""
    return ngettext("%(points)s point", "%(points)s points", plural(whole), points=points(whole))


def plural(amount: float) -> int:
    """Return a whole number that takes the same plural: parts of one are several."""
    return int(amount) if float(amount).is_integer() else max(2, math.ceil(amount))


def time(seconds: float) -> Markup:
    """Return a moment for a sentence; scripts put it into the browser's own zone and language."""
    told = iso(seconds)
    return Markup('<time datetime="{}">{}</time>').format(told, told)


def utc(seconds: float, unit: Unit) -> str:
    """Return a moment below a picture in few signs, the day or the time of day; scripts make it local."""
    return f"{datetime.fromtimestamp(seconds, UTC):{_TIMES[unit]}}"


def isolated(name: str) -> Markup:
    """Return a name for a sentence: one that is written from right to left turns nothing else round."""
    return Markup("<bdi>{}</bdi>").format(name)


def told(error: GraderError) -> str:
    """Return what an error says."""
    if isinstance(error, LinesError):
        lines = [
            gettext("line %(line)s: %(why)s", line=line, why=told(problem))
            for line, problem in error.problems
        ]
        if error.more:
            lines.append(ngettext("and %(num)s more", "and %(num)s more", error.more))
        return "; ".join(lines)
    return gettext(error.sentence, **error.values)


def as_sentence(words: str) -> str:
    """Return what an error says with a capital letter and a full stop."""
    return gettext("%(words)s.", words=words[:1].upper() + words[1:])


def rule(found: Rule) -> str:
    """Return what holds for a section, as a list of words; empty where nothing does."""
    words = [gettext("paused")] if found.paused else []
    if found.deadline is not None:
        until = f"{datetime.fromtimestamp(found.deadline, UTC):%Y-%m-%d %H:%M} UTC"
        words.append(gettext("until %(time)s", time=until))
    if found.late_percent is not None:
        words.append(gettext("late answers lose %(percent)s %%", percent=found.late_percent))
    if found.most_attempts is not None:
        words.append(ngettext("%(num)s attempt", "%(num)s attempts", found.most_attempts))
    if found.last_counts:
        words.append(gettext("the last answer counts"))
    return ", ".join(words)


def state(found: State) -> str:
    """Return where a submission is, in one word."""
    return {
        State.QUEUED: gettext("queued"),
        State.RUNNING: gettext("running"),
        State.GRADED: gettext("graded"),
        State.UNGRADABLE: gettext("ungradable"),
        State.CANCELLED: gettext("cancelled"),
    }[found]


def regrade_state(found: RegradeState) -> str:
    """Return how far a regrade is, in one word."""
    return {
        RegradeState.WAITING: gettext("waiting"),
        RegradeState.JUDGING: gettext("judging"),
        RegradeState.RUNNING: gettext("running"),
        RegradeState.READY: gettext("ready to be looked at"),
        RegradeState.APPLIED: gettext("applied"),
        RegradeState.DISCARDED: gettext("discarded"),
        RegradeState.FAILED: gettext("failed"),
    }[found]


def worker_state(found: str) -> str:
    """Return what a worker says that it is doing, in one word."""
    return {
        "working": gettext("working"),
        "draining": gettext("draining"),
        "paused": gettext("paused"),
        "stopped": gettext("stopped"),
    }.get(found, found)


def progress(told: str | None) -> str:
    """Return what a worker says of a submission that it has, or an empty text where it says nothing."""
    if (ready := _ENGINES.fullmatch(told or "")) is not None:
        return gettext("waiting for an engine (%(ready)s ready)", ready=ready[1])
    if (failed := _FAILED.fullmatch(told or "")) is not None:
        return gettext("attempt %(attempt)s failed by our fault", attempt=failed[1])
    if (step := _STEP.fullmatch(told or "")) is not None:
        return gettext("building step %(step)s of %(all)s: %(what)s", **step.groupdict())
    return {
        "running": "",
        "running in an engine": gettext("running in an engine"),
        "running in a sandbox": gettext("running in a sandbox"),
        "preparing the engine": gettext("preparing the engine"),
        "building": gettext("building"),
        "starting the services": gettext("starting the services"),
        "trying out what came of it": gettext("trying out what came of it"),
        "looking at what is there": gettext("looking at what is there"),
    }.get(told or "", told or "")


def outcomes() -> dict[Outcome, str]:
    """Return what came of a check, as participants read it."""
    return {
        Outcome.PASSED: gettext("Passed"),
        Outcome.FAILED: gettext("Not yet"),
        Outcome.SKIPPED: gettext("Skipped"),
        Outcome.ERROR: gettext("Error of ours"),
    }


FILTERS: Final = {
    "rule": rule,
    "time": time,
    "utc": utc,
    "plural": plural,
    "grouped": grouped,
    "state": state,
    "regrade_state": regrade_state,
    "worker_state": worker_state,
}

FUNCTIONS: Final = {"isolated": isolated, "of": of, "of_points": of_points, "all_points": all_points}
