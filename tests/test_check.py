"""What checks are given besides evidence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from grader.check import no_image, only_choice, only_number, other_image, short_answers
from grader.errors import NotObservedError
from grader.evidence import (
    AnswerFile,
    Build,
    Container,
    Engine,
    Evidence,
    Image,
    ImageConfig,
    Machine,
    Sections,
)


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
        ("\ufeff1. vm\n", ("vm",)),
        ("\n", ()),
    ],
)
def test_short_answers_are_read_as_they_were_meant(text: str, expected: tuple[str, ...]) -> None:
    assert short_answers(_evidence(text), "answer.txt") == expected


def test_an_answer_that_is_not_there_was_not_observed() -> None:
    with pytest.raises(NotObservedError):
        short_answers(_evidence("1\n"), "other.txt")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("4056", "4056"),
        ("4'056 mib", "4056"),
        ("199,229,440 bytes", "199229440"),
        ("8 * 507 mib = 4056 mib", "4056"),
        ("on port 80", "80"),
        ("just one of them", "1"),
        ("only one of the 5", "1"),
        ("1 out of 5", "1"),
        ("on port 80, not on port 8080", "80"),
        ("not 80 but 8080", "8080"),
        ("not 80", ""),
        ("3 or 4", ""),
        ("1, 2, 300", ""),
        ("4.5", "4.5"),
        ("q3: 12", "12"),
        ("all", ""),
    ],
)
def test_the_number_of_an_answer_is_found(answer: str, expected: str) -> None:
    assert only_number(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("the virtual machine", "vm"),
        ("a vm (virtual machine)", "vm"),
        ("container vm", ""),
        ("vm, not a container", "vm"),
        ("a container instead of a virtual machine", "container"),
        ("not vm", ""),
        ("vmware", ""),
        ("", ""),
    ],
)
def test_an_answer_chooses_by_any_word_for_it(answer: str, expected: str) -> None:
    assert only_choice(answer, {"vm": "vm", "virtual machine": "vm", "container": "container"}) == expected


@pytest.mark.parametrize(
    ("refused", "output", "told"),
    [
        ("a remote frontend", "", "a remote frontend"),
        (None, "x" * 700 + " no such file\n", "x" * 587 + " no such file"),
        (None, " \n", "the build failed"),
    ],
)
def test_a_failed_build_is_told_by_its_last_words(refused: str | None, output: str, told: str) -> None:
    found = no_image(Build(False, refused, None, (), output, truncated=False, wall_ms=1.0))
    assert (found.name, found.actual) == ("build-failed", told)


def test_services_from_other_image_are_told() -> None:
    """The image's id counts, not the name that the container gives for it; other services are let be."""

    def container(service: str, name: str, identity: str) -> Container:
        labels = {"com.docker.compose.service": service}
        inspect = {"Image": identity, "Config": {"Labels": labels}}
        return Container(service, service, name, "running", 0, False, 0, (), inspect)

    config = ImageConfig(None, None, {}, "", "", {}, (), (), "", None)
    web = Image("sha256:1", ("webapp:latest",), config, (), ())
    containers = (
        container("one", "docker.io/library/webapp", "sha256:1"),
        container("two", "webapp", "sha256:2"),
        container("three", "busybox", "sha256:3"),
    )
    evidence = replace(_evidence(""), sections=Sections(engine=Engine(containers, (web,), (), ())))
    found = other_image(evidence, {"one": "webapp", "two": "webapp"})
    assert found is not None
    assert (found.expected, found.actual) == ("one from webapp, two from webapp", "two from webapp")
    missing = other_image(evidence, {"three": "missing"})
    assert missing is not None
    assert missing.actual == "three from busybox"
    assert other_image(evidence, {"one": "webapp"}) is None
