"""What checks are given besides evidence."""

from __future__ import annotations

import pytest

from grader.check import no_image, other_image
from grader.evidence import (
    Build,
    Container,
    Engine,
    Evidence,
    Image,
    ImageConfig,
    Machine,
    Sections,
)


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
    sections = Sections(engine=Engine(containers, (web,), (), ()))
    machine = Machine("6.18", 1, "crun", "1.8.1")
    evidence = Evidence("e", "sha256:0", "ada", {}, {}, "none", machine, sections)
    found = other_image(evidence, {"one": "webapp", "two": "webapp"})
    assert found is not None
    assert (found.expected, found.actual) == ("one from webapp, two from webapp", "two from webapp")
    missing = other_image(evidence, {"three": "missing"})
    assert missing is not None
    assert missing.actual == "three from busybox"
    assert other_image(evidence, {"one": "webapp"}) is None
