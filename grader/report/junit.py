r"""Reports as JUnit XML, as Jenkins' schema allows it and as GitLab shows it well.

Traps of the library that are avoided here: text that XML cannot hold, failures without a message (they
vanish and count as passed), the attribute `disabled` (Jenkins' schema knows none on a suite), and names
that occur twice (GitLab drops the second). GitLab shows an element's content and not its `message`, so
the content says everything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

import junit_xml

from grader.model import CheckResult, Outcome, Report
from grader.report.wording import points
from grader.visible import one_line

# Characters that XML 1.0 can hold (its section 2.2), without those that it discourages.
_UNFIT: Final = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]")


@dataclass(frozen=True, slots=True)
class Totals:
    """What stands at the head of a document; `seconds` is the time of all submissions together."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, reports: Iterable[Report]) -> Totals:
        """Count; no report is needed again once it is counted."""
        outcomes: Counter[Outcome] = Counter()
        seconds = 0.0
        for report in reports:
            seconds += report.timing.total_ms / 1000
            ungradable = report.status == "ungradable"
            outcomes.update([Outcome.ERROR] if ungradable else (result.outcome for result in report.checks))
        return cls(outcomes.total(), outcomes[Outcome.FAILED], outcomes[Outcome.ERROR], seconds)


def to_xml(reports: Iterable[Report]) -> bytes:
    """Return JUnit XML: a suite for each submission, a case for each check."""
    every = list(reports)
    return b"".join(pieces(((report, {}) for report in every), Totals.of(every)))


def pieces(suites: Iterable[tuple[Report, Mapping[str, str]]], totals: Totals) -> Iterator[bytes]:
    """Give JUnit XML piece by piece, a suite for each submission, without keeping what was given.

    Args:
        suites: The reports, each with the properties that its suite has besides those of the report, or
            instead of them.
        totals: Of all these reports.
    """
    yield (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        f'<testsuites name="grader" tests="{totals.tests}" failures="{totals.failures}" '
        f'errors="{totals.errors}" time="{totals.seconds:.6f}">\n'
    ).encode()
    taken: set[str] = set()
    for report, more in suites:
        suite = _suite(report, _unique(_text(f"{report.participant}/{report.exercise}"), taken), more)
        ElementTree.indent(suite, level=1)
        # As text first: into bytes, the library would write each word by itself.
        yield f"  {ElementTree.tostring(suite, encoding='unicode')}\n".encode()
    yield b"</testsuites>\n"


def _suite(report: Report, name: str, more: Mapping[str, str]) -> ElementTree.Element:
    suite = junit_xml.TestSuite(
        name,
        list(_cases(report, name)),
        properties={
            "exercise": _text(report.exercise),
            "participant": _text(report.participant),
            "status": report.status,
            "score": points(report.score),
            "max_score": points(report.max_score),
            "evidence": report.evidence or "none",
            **{key: _text(value) for key, value in more.items()},
        },
    )
    element: ElementTree.Element = suite.build_xml_doc()
    element.attrib.pop("disabled", None)
    element.set("time", f"{report.timing.total_ms / 1000:.6f}")
    return element


def _cases(report: Report, suite: str) -> Iterable[junit_xml.TestCase]:
    if report.status == "ungradable":
        case = junit_xml.TestCase("submission: It could be graded", suite)
        reason = _text(report.error or "no reason is known")
        case.add_error_info(
            _one_line(f"ungradable: {reason}"),
            f"Ungradable, by no fault of the participant.\n{reason}",
            "ungradable",
        )
        yield case
        return
    taken: set[str] = set()
    for result in report.checks:
        case = junit_xml.TestCase(_unique(_one_line(f"{result.name}: {result.title}"), taken), suite)
        _add_outcome(case, result)
        yield case


def _add_outcome(case: junit_xml.TestCase, result: CheckResult) -> None:
    if result.outcome is Outcome.PASSED:
        return
    feedback = result.feedback
    message = _one_line(feedback.message if feedback else "") or f"{result.outcome.value}, without a reason"
    kind = _one_line(feedback.name if feedback else "") or result.outcome.value
    content = _content(result)
    if result.outcome is Outcome.FAILED:
        case.add_failure_info(message, content, kind)
    elif result.outcome is Outcome.ERROR:
        case.add_error_info(message, content, kind)
    else:
        case.add_skipped_info(message, content)


def _content(result: CheckResult) -> str:
    lines = [f"{result.title} ({points(result.points)} of {points(result.max_points)} points)"]
    if result.feedback is not None:
        shown = (
            ("", result.feedback.message),
            ("expected: ", result.feedback.expected),
            ("actual: ", result.feedback.actual),
            ("why: ", result.feedback.why),
        )
        lines += [f"{label}{text}" for label, text in shown if text]
    return _text("\n".join(lines))


def _unique(name: str, taken: set[str]) -> str:
    """Return a name that no other has, and note it."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    taken.add(found)
    return found


def _one_line(text: str) -> str:
    return _text(one_line(text, 500))


def _text(text: str) -> str:
    """Return `text` with what XML cannot hold written as escapes."""
    return _UNFIT.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))
