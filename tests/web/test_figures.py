"""Figures as instructors see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from tests.web.conftest import Browser
from tests.web.test_pages import SLUG, grade
from tests.web.test_regrading import words
from web.services import Services
from web.staff.figures import duration
from worker.tables import participants

Browsers = Callable[[], Browser]


def test_figures_and_who_is_stuck(browser: Browsers, services: Services) -> None:
    ada, teacher = browser(), browser()
    teacher.sign_in()
    assert "Nobody has a verdict yet" in teacher.get("/workshops/1/statistics")
    assert "Nobody has tried" in teacher.get(f"/workshops/1/statistics/{SLUG}")
    ada.join("Ada")
    browser().join("Silvia")
    for number in range(3):
        ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": f"exit {number}"})
        grade(services)
    page = words(teacher.get("/workshops/1/statistics"))
    assert "Out of memory inside a container 1 of 2 0 0 % 3" in page
    page = teacher.get(f"/workshops/1/statistics/{SLUG}")
    assert "<script>alert" not in page
    page = words(page)
    assert "3 failed" in page
    assert "1 participant does not pass it at the latest attempt" in page
    assert "name <script>alert(1)</script> 1 3" in page
    assert "Ada 3 attempts, 1 point at best" in page
    with services.store.database.write() as connection:
        connection.execute(update(participants).values(created_at=1.0))
    page = words(teacher.get("/workshops/1/stuck"))
    assert "Ada A4 Out of memory inside a container 3 1" in page
    assert "Silvia 1970" in page
    assert "no answer yet" in page
    for minutes in ("x", "-1", "\u0663", "99999"):
        teacher.get(f"/workshops/1/stuck?minutes={minutes}")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "\N{EN DASH}"), (40, "40 s"), (720, "12 min"), (12_600, "3.5 h"), (400_000, "5 d")],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
