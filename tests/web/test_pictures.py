"""Evidence as pictures, drawn from what real sandboxes and engines gave."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from grader.cli.context import open_observer
from grader.evidence import Evidence, Run, to_json
from grader.exercise import samples
from grader.exercise.catalogue import Catalogue
from grader.judge import graded
from grader.model import CheckResult, Feedback, Outcome, Timing
from grader.parameters import draw as draw_values
from grader.settings import Settings
from tests.web.conftest import Browser
from tests.web.made_evidence import HOSTILE, evidence, too_much
from tests.worker.conftest import EXERCISES
from web import pictures
from web.services import Services
from worker.tables import evidence as evidence_table

SLUG = "a4-oom-kill"
_LARGEST_PAGE = 200_000
QUOTES = "'" * 200


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


def finish(services: Services, data: bytes, checks: tuple[CheckResult, ...] = ()) -> None:
    """Give the submission that waits a verdict that rests on this evidence."""
    claimed = services.store.claims.claim("w", 30, 60)
    assert claimed is not None
    exercise = services.exercises[claimed.exercise]
    report = graded(exercise, claimed.participant, checks, Timing(), "sha256:" + "3" * 64)
    assert services.store.claims.finish(claimed, report, data)


def shown(
    browser: Browser,
    services: Services,
    data: bytes,
    checks: tuple[CheckResult, ...] = (),
    files: dict[str, bytes] | None = None,
) -> str:
    """Return the page of a submission with this evidence."""
    browser.join("ada")
    if files:
        slug = "e1-base-environment"
        uploads = [(io.BytesIO(content), name) for name, content in files.items()]
        fields: dict[str, object] = {"text:Dockerfile": "FROM a", "folder:files/": uploads}
        reply = browser.send(f"/exercises/{slug}", **fields)
        assert reply.status_code == 303, reply.text
        place = reply.headers["Location"]
        finish(services, data, checks)
        return browser.get(place)
    place = browser.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).headers["Location"]
    finish(services, data, checks)
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
    browser: Callable[[], Browser], services: Services
) -> None:
    feedback = Feedback("name", HOSTILE * 50, HOSTILE * 50, HOSTILE * 50, HOSTILE * 50)
    checks = tuple(CheckResult(f"c{at}", HOSTILE, Outcome.FAILED, 0, 1, feedback) for at in range(60))
    files = {f"files/{QUOTES}{at}": b'"' * 10_000 for at in range(190)}
    page = shown(browser(), services, to_json(too_much()), checks, files)
    assert "<script>alert" not in page
    assert "left out" in page
    assert "more characters are not shown here" in page
    assert "more checks are not shown here" in page
    assert "style=" not in page
    assert len(page.encode()) < _LARGEST_PAGE


def test_evidence_that_cannot_be_unpacked_breaks_no_page(
    killed: Evidence, browser: Callable[[], Browser], services: Services
) -> None:
    ada = browser()
    data = to_json(killed)
    ada.join("ada")
    place = ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).headers["Location"]
    finish(services, data)
    with services.store.database.write() as connection:
        connection.execute(evidence_table.update().values(data=b"no archive"))
    assert "cannot be read any more" in ada.get(place)
    ada.get(f"{place}/evidence.json", 404)
    ada.get(f"{place}/output.txt", 404)


def test_all_that_was_printed_is_downloaded(browser: Callable[[], Browser], services: Services) -> None:
    ada = browser()
    run = Run("exit", 0, "line\n" * 1_000_000, "oops\n", False, 1.0)
    page = shown(ada, services, to_json(evidence(run=run)))
    assert len(page) < 30_000
    link = re.search(r'href="([^"]+/output.txt)"', page)
    assert link is not None
    assert ada.get(link[1]) == "line\n" * 1_000_000 + "\n--- standard error ---\noops\n"


@pytest.mark.parametrize("data", [b"{}", b"\xff", b"[1]", b'{"schema": 999}'])
def test_evidence_of_another_version_breaks_no_page(
    data: bytes, browser: Callable[[], Browser], services: Services
) -> None:
    assert "cannot be drawn" in shown(browser(), services, data)
