"""Evidence as pictures, drawn from what real sandboxes and engines gave."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from grader.cli.context import open_observer
from grader.evidence import Event, Evidence, to_json
from grader.exercise import samples
from grader.exercise.catalogue import Catalogue
from grader.judge import graded
from grader.model import Timing
from grader.parameters import draw as draw_values
from grader.settings import Settings
from tests.web.conftest import Browser
from tests.worker.conftest import EXERCISES
from web import pictures
from web.services import Services

SLUG = "a4-oom-kill"
_LARGEST_PAGE = 400_000


def observed(slug: str) -> Evidence:
    """Return the evidence of an exercise's first accepted sample."""
    exercise = Catalogue([EXERCISES]).get(slug)
    sample = next(found for found in samples.find(exercise) if found.verdict == "accepted")
    values = draw_values(exercise, "sample", lambda: "of the tests")
    submission = samples.submission(exercise, sample, "sample", values)
    with open_observer(Settings.from_environment(), [exercise]) as observer:
        return observer.observe(exercise, submission)


@pytest.fixture(scope="module")
def killed() -> Evidence:
    """A process was killed for lack of memory."""
    return observed(SLUG)


@pytest.fixture(scope="module")
def container() -> Evidence:
    """A container was started in an engine."""
    return observed("b2-long-running")


def shown(browser: Browser, services: Services, data: bytes) -> str:
    """Return the page of a submission with this evidence."""
    browser.join("ada")
    place = browser.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).headers["Location"]
    claimed = services.store.claims.claim("w", 30, 60)
    assert claimed is not None
    report = graded(services.exercises[SLUG], claimed.participant, (), Timing(), "sha256:" + "3" * 64)
    assert services.store.claims.finish(claimed, report, data)
    return browser.get(place)


def test_memory_is_drawn_with_the_kill(
    killed: Evidence, browser: Callable[[], Browser], services: Services
) -> None:
    found = pictures.draw(to_json(killed))
    assert found.memory is not None
    assert sum(len(chart.kills) for chart in found.memory.charts) == len(killed.oom.kills) == 1
    page = shown(browser(), services, to_json(killed))
    assert re.search(r"<svg .*?</svg>", page, re.DOTALL)
    assert killed.oom.kills[0].comm in page
    assert "As a table" in page
    assert "style=" not in page, "the page's policy allows no style of elements"


@pytest.mark.engine
@pytest.mark.slow
def test_a_container_and_its_events_are_drawn(
    container: Evidence, browser: Callable[[], Browser], services: Services
) -> None:
    data = to_json(container)
    assert pictures.draw(data).events is not None
    page = shown(browser(), services, data)
    assert re.search(r"<svg .*?</svg>", page, re.DOTALL)
    assert len(page) < _LARGEST_PAGE


def test_hostile_and_endless_evidence_stays_small_and_harmless(
    killed: Evidence, browser: Callable[[], Browser], services: Services
) -> None:
    name = "<script>alert(1)</script>\x1b[2J\u202e" * 5
    event = Event(1.0, "container", "start", "0" * 64, {"name": name, "image": name})
    hostile = replace(
        killed,
        sections=replace(killed.sections, events=tuple(replace(event, at_ms=float(n)) for n in range(5_000))),
    )
    page = shown(browser(), services, to_json(hostile))
    assert "<script>alert" not in page
    assert "left out here" in page
    assert len(page) < _LARGEST_PAGE


@pytest.mark.parametrize("data", [b"{}", b"\xff", b"[1]", b'{"schema": 999}'])
def test_evidence_of_another_version_breaks_no_page(
    data: bytes, browser: Callable[[], Browser], services: Services
) -> None:
    assert "cannot be drawn" in shown(browser(), services, data)
