"""Hostile text is shown harmlessly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.visible import file_name, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢字 🙂", "plain ü 漢字 🙂"),
        ("a\x1b[31mb\x07\x7f\x85", "a\\x1b[31mb\\x07\\x7f\\x85"),
        ("abc\u202etxt", "abc\\u202etxt"),
        ("\ud800", "\\ud800"),
        ("a\tb\nc\rd", "a\tb\nc\\x0dd"),
    ],
)
def test_escapes_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_cuts_and_joins() -> None:
    assert visible("x" * 50, 10) == "x" * 9 + "…"
    assert one_line(" a\n\n b\t c ", 80) == "a b c"
    assert file_name(b"a\xffb\n") == "'a\\xffb'"


@given(st.text())
def test_everything_is_one_printable_line(text: str) -> None:
    assert one_line(text).isprintable()
    assert file_name(text).isprintable()
    one_line(text).encode()
