"""JUnit XML validates against Jenkins' rules whatever the texts are, and nothing in it vanishes."""

from __future__ import annotations

import warnings
from pathlib import Path

import junit_xml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from grader.judge import malformed, ungradable
from grader.model import Feedback, Outcome, Report, Timing
from grader.report.junit import to_xml
from tests.literals import report_of

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("jenkins-junit.xsd")))
PASSED, FAILED, SKIPPED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.ERROR


def parsed(*reports: Report) -> etree._Element:
    root = etree.fromstring(to_xml(reports))
    SCHEMA.assertValid(root)
    return root


def test_a_suite_for_each_submission_and_a_case_for_each_check() -> None:
    root = parsed(report_of(PASSED, FAILED, SKIPPED, ERROR), report_of(PASSED, participant="bob"))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["ada/status", "bob/status"]
    first = suites[0]
    assert {name: first.get(name) for name in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "0.013250",
    }
    assert [case.get("name") for case in first.findall("testcase")] == [
        f"check_{number}: Check {number}" for number in range(4)
    ]
    assert [[child.tag for child in case] for case in first.findall("testcase")] == [
        [],
        ["failure"],
        ["skipped"],
        ["error"],
    ]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "1")


def test_the_content_says_everything_as_gitlab_shows_only_that() -> None:
    failure = parsed(report_of(FAILED)).find(".//failure")
    assert failure is not None
    assert failure.get("message") == "Another status."
    assert failure.get("type") == "wrong-status"
    assert failure.text == (
        "Check 0 (0 of 1 points)\nAnother status.\nexpected: 7\nactual: 1\nwhy: Scripts read it."
    )


def test_ungradable_is_an_error_and_malformed_a_failure() -> None:
    root = parsed(
        ungradable("status", "eve", 3.0, "the disk is full", Timing()),
        malformed("status", "bob", 3.0, "'x' is empty", Timing()),
    )
    assert [root.get(name) for name in ("tests", "errors", "failures")] == ["2", "1", "1"]
    error, failure = root.find(".//error"), root.find(".//failure")
    assert error is not None
    assert failure is not None
    assert "the disk is full" in (error.text or "")
    assert failure.get("message") == "'x' is empty"


def test_no_failure_vanishes_for_want_of_a_message() -> None:
    root = parsed(report_of(FAILED, ERROR, SKIPPED, feedback=Feedback("", "")))
    assert [root.get(name) for name in ("failures", "errors")] == ["1", "1"]
    messages = [element.get("message") for element in root.iter("failure", "error", "skipped")]
    assert messages == [f"{word}, without a reason" for word in ("failed", "error", "skipped")]


def test_names_are_unique_as_gitlab_drops_doubles() -> None:
    root = parsed(report_of(PASSED), report_of(PASSED), report_of(PASSED))
    assert [suite.get("name") for suite in root] == ["ada/status", "ada/status (2)", "ada/status (3)"]
    pairs = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(pairs)) == 3


def test_nothing_at_all_is_valid() -> None:
    assert parsed().get("tests") == "0"


@given(st.text(), st.text(), st.text())
def test_any_text_is_valid_and_kept_apart(participant: str, message: str, actual: str) -> None:
    said = Feedback("name", message, actual=actual)
    root = parsed(report_of(FAILED, ERROR, participant=participant, feedback=said), report_of(PASSED))
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["3", "1", "1"]


@pytest.mark.parametrize(
    "text", ["\ud800", "\ufffe", "\x00", "\x1b[31m", "\u202e", "]]>", "<&\"'>", "a\r\nb"]
)
def test_traps_are_shown_as_escapes(text: str) -> None:
    failure = parsed(report_of(FAILED, participant=text, feedback=Feedback("n", text))).find(".//failure")
    assert failure is not None
    assert failure.get("message")


def test_the_traps_of_the_library_are_still_there() -> None:
    """Says when a newer library makes a detour of the adapter's unnecessary."""
    case = junit_xml.TestCase("a")
    case.add_failure_info()
    suite = junit_xml.TestSuite("s", [case])
    element = suite.build_xml_doc()
    assert element.get("disabled") == "0"
    assert element.get("failures") == "0"
    case.add_failure_info("\ufffe")
    with warnings.catch_warnings(), pytest.raises(Exception, match=r"not well-formed|reference to invalid"):
        junit_xml.to_xml_report_string([suite])
