"""Writes grades down for other systems; a score set by hand counts in each, with its reason beside it.

What can be large is given piece by piece, while the grades are read: a class has thousands of reports.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, Final

import msgspec

from grader.model import REPORT_SCHEMA, Exercise
from grader.report import json as report_json
from grader.report import junit
from grader.report.csv import safe
from grader.report.gradescope import to_test
from grader.report.wording import explanation, first_problem, points, verdict
from grader.visible import visible
from web.reply import iso
from worker.gradebook import Grade
from worker.roster import Member

COLUMNS: Final = (
    "participant",
    "id",
    "exercise",
    "verdict",
    "score",
    "max_score",
    "graded_score",
    "attempts",
    "submitted_at",
    "late",
    "feedback",
    "message",
    "set_by",
    "comment",
    "evidence",
)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can tell


def to_csv(grades: Iterable[Grade]) -> Iterator[bytes]:
    """Give a line for each participant and exercise, safe to open in a spreadsheet."""
    return _sheet(chain([COLUMNS], (_line(grade) for grade in grades)))


def _line(grade: Grade) -> list[str]:
    report, override = grade.report, grade.override
    problem = first_problem(report)
    graded = grade.submission_id is not None and report.status == "graded"
    return [
        safe(grade.participant),
        safe(grade.external_id),
        safe(grade.exercise),
        "set by hand" if override else verdict(report),
        points(grade.score),
        points(grade.max_score),
        points(report.score) if graded else "",
        str(grade.attempts),
        iso(grade.submitted_at) or "",
        "yes" if grade.late else "",
        safe(problem.feedback.name if problem and problem.feedback else ""),
        safe(explanation(report)),
        safe(override.account if override else ""),
        safe(override.comment if override else ""),
        report.evidence or "",
    ]


def to_moodle(
    grades: Iterable[Grade], members: Iterable[Member], exercises: Mapping[str, Exercise]
) -> Iterator[bytes]:
    """Give a line for each participant and a column for each exercise, as Moodle's grade import reads it.

    A cell is empty where there is no verdict: Moodle leaves such a grade alone.
    """
    scores = {
        (grade.participant_id, grade.exercise): (grade.score, _counts(grade))
        for grade in grades
        if grade.exercise in exercises
    }
    titles = [safe(f"{_number(one.slug)} {one.title}") for one in exercises.values()]

    def line(member: Member) -> list[str]:
        own = [scores.get((member.id, slug), (0.0, False)) for slug in exercises]
        cells = [points(score) if counts else "" for score, counts in own]
        total = points(round(sum(score for score, _ in own), 6))
        return [safe(member.external_id), safe(member.name), *cells, total]

    head = ["ID number", "Full name", *titles, "Total"]
    return _sheet(chain([head], map(line, members)))


def _counts(grade: Grade) -> bool:
    return grade.override is not None or grade.report.status == "graded"


def _number(slug: str) -> str:
    return slug.partition("-")[0].upper()


def _sheet(lines: Iterable[Sequence[str]]) -> Iterator[bytes]:
    # The mark makes spreadsheets read the rest as UTF-8.
    yield b"\xef\xbb\xbf"
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    for line in lines:
        writer.writerow(line)
        yield sheet.getvalue().encode("utf-8")
        sheet.seek(0)
        sheet.truncate()


def to_json(grades: Iterable[Grade]) -> Iterator[bytes]:
    """Give what `grader batch --json` writes of the reports that count, with what is known besides."""
    yield f'{{\n  "schema": {REPORT_SCHEMA},\n  "reports": ['.encode()
    between = b"\n    "
    for grade in grades:
        # No text in JSON holds a line break: all of them are the document's own.
        yield between + _indented(_table(grade)).rstrip().replace(b"\n", b"\n    ")
        between = b",\n    "
    yield b"\n  ]\n}\n"


def _indented(table: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n"


def _table(grade: Grade) -> dict[str, Any]:
    override = grade.override
    return report_json.to_table(grade.report) | {
        "score": grade.score,
        "max_score": grade.max_score,
        "participant_id": grade.external_id or None,
        "submission": grade.submission_id,
        "submitted_at": iso(grade.submitted_at),
        "late": grade.late,
        "attempts": grade.attempts,
        "override": override
        and {
            "score": override.score,
            "graded_score": grade.report.score,
            "comment": override.comment,
            "set_by": override.account,
            "set_at": iso(override.set_at),
        },
    }


def to_junit(grades: Iterable[Grade]) -> Iterator[bytes]:
    """Give JUnit XML; a score set by hand stands in the properties of its suite.

    The grades are gone through twice, for the totals stand before the first suite.
    """
    totals = junit.Totals.of(grade.report for grade in grades)
    return junit.pieces(((grade.report, _properties(grade)) for grade in grades), totals)


def _properties(grade: Grade) -> dict[str, str]:
    if grade.override is None:
        return {}
    return {
        "score": points(grade.score),
        "max_score": points(grade.max_score),
        "graded_score": points(grade.report.score),
        "set_by": grade.override.account,
        "comment": grade.override.comment,
    }


def to_gradescope(grades: Iterable[Grade]) -> bytes:
    """Return a zip file with a `results.json` of all exercises in a folder for each participant."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for _, own in groupby(grades, lambda grade: grade.participant_id):
            found = list(own)
            results = to_results(found)
            if results is not None:
                name = f"{_folder(found[0])}/results.json"
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), results, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def to_results(own: Sequence[Grade]) -> bytes | None:
    """Return `results.json` of one participant's exercises, or ``None`` where nothing of it was graded."""
    counting = [grade for grade in own if _counts(grade)]
    if not counting:
        return None
    notes = [
        f"{grade.exercise}: {points(grade.score)} of {points(grade.max_score)} points, "
        f"set by {grade.override.account}: {grade.override.comment}"
        for grade in counting
        if grade.override is not None
    ]
    results = {
        "score": round(sum(grade.score for grade in counting), 6),
        "execution_time": round(sum(grade.report.timing.total_ms for grade in counting) / 1000),
        "output": visible("\n".join(notes)),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [test for grade in counting for test in _tests(grade)],
        "extra_data": {
            "participant": counting[0].participant,
            "id": counting[0].external_id or None,
            "evidence": {grade.exercise: grade.report.evidence for grade in counting},
        },
    }
    return _indented(results)


def _tests(grade: Grade) -> list[dict[str, Any]]:
    if grade.override is None:
        return [to_test(result, f"{_number(grade.exercise)}: ") for result in grade.report.checks]
    return [
        {
            "name": visible(f"{_number(grade.exercise)}: set by hand"),
            "name_format": "text",
            "score": grade.score,
            "max_score": grade.max_score,
            "status": "passed" if grade.override.passed else "failed",
            "output": visible(grade.override.comment),
            "output_format": "text",
            "visibility": "visible",
        }
    ]


def _folder(grade: Grade) -> str:
    """Return a name that every file system takes and that no two participants share."""
    plain = unicodedata.normalize("NFKD", grade.external_id or grade.participant)
    words = re.sub(r"[^A-Za-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")[:40]
    return f"{grade.participant_id:05d}-{words}" if words else f"{grade.participant_id:05d}"
