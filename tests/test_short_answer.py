"""What short answers say, in whatever words, and what they do not say."""

from __future__ import annotations

import time

import pytest

from grader.errors import NotObservedError
from grader.evidence import AnswerFile, Evidence, Machine, Sections
from grader.short_answer import only_choice, only_number, short_answers


def _evidence(text: str) -> Evidence:
    machine = Machine("6.18", 1, "crun", "1.8.1")
    files = {"answer.txt": AnswerFile(text, len(text))}
    return Evidence("e", "sha256:0", "ada", {}, files, "none", machine, Sections())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vm\n137\n", ("vm", "137")),
        ("\n  `VM`.\n\n'137'\r\n", ("vm", "137")),
        ("1. vm\n2) 12\n(3) 1.5\n4: x y\n", ("vm", "12", "1.5", "x y")),
        ("Question 1: vm\nQ2. 12\nanswer 3) 1.5\n", ("vm", "12", "1.5")),
        ("1.904\n", ("1.904",)),
        ("3..4\n1)x\n", ("3..4", "1)x")),
        ("\ufeff1. vm\n", ("vm",)),
        ("\n", ()),
        ("**1.** vm\n> 2. **12**\n### 3. _7_\n", ("vm", "12", "7")),
        ("# Mine\n\n```text\nvm\n---\n12\n```\n// done\n", ("vm", "12")),
        ("My answers:\nvm\n12\n", ("vm", "12")),
        ("## Question 1\nvm\nQuestion 2\n12\n", ("vm", "12")),
        ("1 - vm\n2 - 12\n", ("vm", "12")),
        ("vm\n2 - 3\n", ("vm", "2 - 3")),
        ("vm\n2) 12\n3: 1\n7: a child each\n", ("vm", "12", "1", "7: a child each")),
    ],
)
def test_lines_are_read_as_they_were_meant(text: str, expected: tuple[str, ...]) -> None:
    assert short_answers(_evidence(text), "answer.txt") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3. 12\n1. vm\n", ("vm", "", "12")),
        ("1. vm\n1. 12\n1. all\n", ("vm", "12", "all")),
        ("vm\n\n12\n", ("vm", "", "12")),
        ("vm\n\n12\n\nall\n", ("vm", "12", "all")),
        ("?\n12\n...\n", ("?", "12", "")),
        ("Ada\n\n1. vm\nIt has a kernel.\n\n2. 12\n\n3. all\n", ("vm", "12", "all")),
        ("1. vm\n12\n3. all\n", ("vm", "12", "all")),
    ],
)
def test_an_answer_that_is_left_out_does_not_move_the_others(text: str, expected: tuple[str, ...]) -> None:
    assert short_answers(_evidence(text), "answer.txt", questions=3) == expected


def test_an_answer_that_is_not_there_was_not_observed() -> None:
    with pytest.raises(NotObservedError):
        short_answers(_evidence("1\n"), "other.txt")


@pytest.mark.parametrize("piece", ["1. a\n", "1 ", "> ", "question ", "9*", "not ", "(", "twenty ", "\t1 of"])
def test_what_is_too_long_for_an_answer_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begun = time.process_time()
    for line in short_answers(_evidence(text), "answer.txt"):
        only_number(line, "m")
        only_choice(line, {"vm": "vm"})
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("4056", "4056"),
        ("on port 80", "80"),
        ("_7_", "7"),
        ("7.0", "7"),
        ("4.5", "4.5"),
        ("q3: 12", "12"),
        ("all", ""),
        ("3..4", ""),
        ("5,5", "5,5"),
        ("7e3", ""),
        ("7^2", ""),
        ("\u0667", ""),
        ("just one of them", "1"),
        ("seven, not 25", "7"),
        ("all thirty-seven", "37"),
        ("seven (7)", "7"),
        ("7: one on the host, one in each namespace", "7"),
        ("9" * 301, ""),
    ],
)
def test_the_number_of_an_answer_is_found(answer: str, expected: str) -> None:
    assert only_number(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("only one of the 5", "1"),
        ("1 out of 5", "1"),
        ("7 children of those 25", "7"),
        ("25 of 25", "25"),
        ("on port 80, not on port 8080", "80"),
        ("not 80 but 8080", "8080"),
        ("no more than 7", "7"),
        ("7 (8 would be too many)", "7"),
        ("7 (4 + 4 does not fit)", "7"),
        ("3 (2 namespaces and the host)", "3"),
        ("7, since 8 x 47 is above 330", "7"),
        ("not 80", ""),
        ("it isn't 80", ""),
        ("80 is wrong", ""),
        ("none of the 25", "0"),
        ("not all of the 25", ""),
        ("less than 25", ""),
        ("> 25", ""),
        ("almost 25", ""),
    ],
)
def test_a_number_counts_by_what_is_said_of_it(answer: str, expected: str) -> None:
    assert only_number(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "3 or 4",
        "3 or four",
        "not 3 or 4",
        "if so 3, else 4",
        "n=3 or n=4",
        "1, 2, 300",
        "3, maybe 4",
        "3 (4)",
        "3-4",
        "3/4",
        "4 \u00b1 1",
    ],
)
def test_several_numbers_are_none(answer: str) -> None:
    assert only_number(answer) == ""


@pytest.mark.parametrize(
    ("answer", "unit", "expected"),
    [
        ("4'056 mib", "m", "4056"),
        ("4\u202f056 mb", "m", "4056"),
        ("4056 gib", "m", ""),
        ("4056m", "", ""),
        ("199,229,440 bytes", "b", "199229440"),
        ("199.229.440", "b", "199229440"),
        ("199229440 bytes = 190 mib", "b", "199229440"),
        ("190 mib", "b", ""),
        ("8 * 507 mib = 4056 mib", "m", "4056"),
        ("4056 = 8 * 507", "m", "4056"),
        ("8x507 mib", "m", "4056"),
        ("122 + 8 * 6 mib", "m", "170"),
        ("$((190*1024*1024))", "b", "199229440"),
        ("1.5 * 2", "m", ""),
        ("330 / 47 = 7.02, so 7", "", "7"),
        ("7 (7 * 47 mib = 329 mib)", "", "7"),
    ],
)
def test_amounts_and_calculations_are_understood(answer: str, unit: str, expected: str) -> None:
    assert only_number(answer, unit) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("the virtual machine", "vm"),
        ("a virtual-machine", "vm"),
        ("a vm (virtual machine)", "vm"),
        ("container vm", ""),
        ("vm, not a container", "vm"),
        ("a container instead of a virtual machine", "container"),
        ("a vm can't, a container can", "container"),
        ("vm, because containers share a kernel with container hosts", "vm"),
        ("because a container shares: vm", ""),
        ("a vm does not share a kernel", "vm"),
        ("not vm", ""),
        ("it isn't a vm", ""),
        ("anything but a vm", ""),
        ("a vm cannot", ""),
        ("not in a vm", ""),
        ("vm: no, container: yes", "container"),
        ("vm, no container", "vm"),
        ("vmware", ""),
        ("", ""),
        ("vm " * 101, ""),
    ],
)
def test_an_answer_chooses_by_any_word_for_it(answer: str, expected: str) -> None:
    assert only_choice(answer, {"vm": "vm", "virtual machine": "vm", "container": "container"}) == expected


def test_the_longest_word_counts() -> None:
    choices = {"data": "data", "meta data": "metadata"}
    assert only_choice("meta-data", choices) == "metadata"
    assert only_choice("data", {}) == ""
