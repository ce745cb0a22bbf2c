"""Instructors judge again, run again and set scores by hand; participants see what became of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from grader.judge import ungradable
from grader.model import Timing
from tests.web.conftest import Browser
from tests.web.test_api import SLUG, grade
from web.services import Services
from worker.audit import Action
from worker.rejudging import Rejudging
from worker.submission import ATTEMPTS as ATTEMPTS_OF_WORKERS
from worker.submission import State

Browsers = Callable[[], Browser]
ATTEMPTS = f"/participants/1/exercises/{SLUG}"


@pytest.fixture
def ada(browser: Browsers, services: Services) -> Browser:
    """Somebody with one verdict: 1 of 4 points."""
    found = browser()
    found.join("Ada")
    assert found.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).status_code == 303
    grade(services)
    return found


def words(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_from_the_scoreboard_to_the_answer(ada: Browser, teacher: Browser) -> None:
    board = teacher.get("/scoreboard")
    assert f'href="{ATTEMPTS}"' in board
    assert ATTEMPTS not in ada.get("/scoreboard"), "participants see no such links"
    page = teacher.get(ATTEMPTS)
    assert "Ada has 1 of 4 points" in words(page)
    place = re.search(r'href="(/submissions/\w+)"', page)
    assert place is not None
    result = teacher.get(place[1])
    assert "exit 1" in result
    assert "For instructors" in result
    assert ATTEMPTS in result
    assert "For instructors" not in ada.get(place[1])


def test_a_score_by_hand_needs_a_reason_and_is_shown(
    ada: Browser, teacher: Browser, services: Services, client: FlaskClient
) -> None:
    for fields, says in (
        ({"score": "5", "comment": "why"}, "from 0 to 4"),
        ({"score": "nan", "comment": "why"}, "from 0 to 4"),
        ({"score": "-1", "comment": "why"}, "from 0 to 4"),
        ({"score": "3", "comment": "  "}, "A reason is needed"),
        ({"score": "3", "comment": "x" * 1001}, "A reason is needed"),
    ):
        reply = teacher.send(f"{ATTEMPTS}/override", page=ATTEMPTS, **fields)
        assert (reply.status_code, says in reply.text) == (422, True), fields
    reply = teacher.send(
        f"{ATTEMPTS}/override", page=ATTEMPTS, score="3,5", comment="<b>shown</b> at the desk"
    )
    assert reply.status_code == 303
    (submitted,) = services.store.submissions.of(1)
    result = ada.get(f"/submissions/{submitted.id}")
    assert "An instructor has set your points for this exercise: 3.5 of 4." in words(result)
    assert "<b>shown" not in result
    assert "3.5 of" in ada.get("/")
    assert "set by hand" in ada.get("/scoreboard")
    page = teacher.get(ATTEMPTS)
    assert "instructor set 3.5 of 4 points" in words(page)
    assert "Graded: 1 of 4 points" in words(page)
    teacher.send(f"{ATTEMPTS}/revoke", page=ATTEMPTS)
    assert "An instructor has set" not in ada.get(f"/submissions/{submitted.id}")
    trail = words(teacher.get("/workshops/1/audit"))
    assert "set a score by hand Ada , A4 1 of 4 3.5 of 4 <b>shown</b> at the desk" in trail
    assert "revoked a score set by hand Ada , A4 3.5 of 4, by hand 1 of 4" in trail


def test_judging_again_is_looked_at_before_it_counts(
    ada: Browser, teacher: Browser, services: Services
) -> None:
    reply = teacher.send("/workshops/1/regrades", exercise="none")
    assert reply.status_code == 404
    reply = teacher.send("/workshops/1/regrades", exercise=SLUG)
    assert reply.status_code == 303
    place = reply.headers["Location"]
    page = teacher.get(place)
    assert "Waiting for a worker" in page
    assert 'http-equiv="refresh"' in page
    assert Rejudging("w", services.settings, services.store).turn()
    page = teacher.get(place)
    # The evidence of this test is no evidence: that is told, and the verdict stays.
    assert "not evidence" in page
    assert "Every verdict comes out the same." in page
    assert 'http-equiv="refresh"' not in page
    assert "ready to be looked at" in teacher.get("/workshops/1/regrades")
    (submitted,) = services.store.submissions.of(1)
    assert submitted.score == 1.0
    reply = teacher.send(f"/submissions/{submitted.id}/regrade", page="/overview")
    assert reply.status_code == 303
    assert "one answer to A4" in teacher.get(reply.headers["Location"])


def test_assistants_cancel_nothing(browser: Browsers, services: Services, teacher: Browser) -> None:
    ada, helper = browser(), browser()
    ada.join("Ada")
    place = ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).headers["Location"]
    services.store.people.add_account("helper", "assistant", "a long password")
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    assert ">Cancel<" in ada.get(place)
    assert ">Cancel<" in teacher.get(place)
    assert ">Cancel<" not in helper.get(place)
    assert helper.send(f"{place}/cancel", page="/").status_code == 403
    assert teacher.send(f"{place}/cancel", page="/").status_code == 303
    assert services.store.submissions.of(1)[0].state is State.CANCELLED
    assert "instructor cancelled a submission Ada , A4" in words(teacher.get("/workshops/1/audit"))


def test_running_again_is_looked_at_before_it_counts(
    browser: Browsers, ada: Browser, teacher: Browser, services: Services
) -> None:
    page = "/workshops/1/regrades"
    assert "Everything could be graded." in teacher.get(page)
    (before,) = services.store.submissions.of(1)
    result = f"/submissions/{before.id}"
    place = teacher.send(page, kind="run", exercise=SLUG).headers["Location"]
    assert services.tickets.depth() == 2, "one is of the first verdict: nobody has taken it"
    shown = teacher.get(place)
    assert "Running again: 0 of 1…" in shown
    assert 'http-equiv="refresh"' in shown
    assert "Stop and discard" in shown
    assert ">Apply" not in shown
    assert "1 of 4 points" in words(ada.get(result))
    grade(services, 4.0)
    assert services.store.submissions.get(before.id) == before
    shown = words(teacher.get(place))
    assert "Nothing has changed yet." in shown
    assert "1 of 4 4 of 4 +3" in shown
    assert 'http-equiv="refresh"' not in teacher.get(place)
    services.store.people.add_account("helper", "assistant", "a long password")
    helper = browser()
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    assert "1 of 4 4 of 4 +3" in words(helper.get(place)), "assistants look on"
    assert ">Apply" not in helper.get(place)
    assert "1 of 4 points" in words(ada.get(result))
    assert teacher.send(f"{place}/apply", page=place).status_code == 303
    assert "Applied: 1 score changed." in teacher.get(place)
    assert "4 of 4 points" in words(ada.get(result))
    trail = words(teacher.get("/workshops/1/audit"))
    assert "instructor had answers run again, for a look A4" in trail
    assert "instructor changed a score by a regrade Ada , A4 1 of 4, evidence sha256:" in trail
    assert "instructor applied a regrade A4 1 scores, evidence of 1 verdicts" in trail


def test_the_overview_counts_what_is_run_again(ada: Browser, teacher: Browser, services: Services) -> None:
    """How many wait and how many run, apart from the queue; neither once they are done or discarded."""
    bea, _ = services.store.people.join("open-sesame", "Bea")
    services.store.submissions.submit(bea, services.exercises[SLUG], {"answer.sh": b"exit 1\n"})
    grade(services)
    queue = "waiting 0 running 0"

    def shown() -> str:
        page = words(teacher.get("/overview"))
        assert f"Queue {queue}" in page
        return page.partition("cancelled 0 ")[2].partition(" Workers")[0]

    assert "again" not in shown()
    place = teacher.send("/workshops/1/regrades", kind="run").headers["Location"]
    assert shown() == "to be run again, behind all others 2 running again 0"
    assert services.store.claims.claim("w", 30, 60) is not None
    assert shown() == "to be run again, behind all others 1 running again 1"
    services.store.submissions.submit(bea, services.exercises[SLUG], {"answer.sh": b"exit 2\n"})
    queue = "waiting 1 running 0"
    assert shown() == "to be run again, behind all others 1 running again 1", "new answers are no such ones"
    grade(services)
    queue = "waiting 0 running 0"
    grade(services, 4.0)
    assert shown() == "to be run again, behind all others 0 running again 1"
    teacher.send(f"{place}/discard", page=place)
    assert "again" not in shown()


def test_while_many_run_some_are_shown(teacher: Browser, services: Services) -> None:
    """The page is asked for each second: it must not grow with the class."""
    for number in range(103):
        participant, _ = services.store.people.join("open-sesame", f"P{number}")
        services.store.submissions.submit(participant, services.exercises[SLUG], {"answer.sh": b"exit\n"})
        grade(services)
    place = teacher.send("/workshops/1/regrades", kind="run").headers["Location"]
    for _ in range(102):
        grade(services, 4.0)
    page = teacher.get(place)
    assert page.count('<tr><th scope="row">') == 100
    assert "And 2 more." in page
    grade(services, 4.0)
    page = teacher.get(place)
    assert page.count('<tr><th scope="row">') == 103
    assert "more." not in words(page)


def test_running_one_again_and_discarding_it(ada: Browser, teacher: Browser, services: Services) -> None:
    (before,) = services.store.submissions.of(1)
    result = f"/submissions/{before.id}"
    assert f'action="{result}/run-again"' not in teacher.get(result), "it has a verdict to lose"
    teacher.send(f"{result}/run-again", page=result)
    assert services.store.submissions.get(before.id) == before
    assert "There is nothing to run again: it has a verdict" in teacher.get("/workshops/1/regrades")
    place = teacher.send(f"{result}/regrade", page=result, kind="run").headers["Location"]
    assert "one answer to A4" in teacher.get(place)
    services.store.overrides.set(
        services.store.people.participant(1),  # type: ignore[arg-type]
        SLUG,
        3.0,
        4.0,
        comment="why",
        account="instructor",
        graded="1 of 4",
    )
    grade(services, 2.0)
    assert "3 by hand counts" in words(teacher.get(place))
    assert teacher.send(f"{place}/discard", page=place).status_code == 303
    assert "Discarded: nothing has changed." in teacher.get(place)
    assert services.store.submissions.get(before.id) == before
    assert "instructor discarded a regrade A4" in words(teacher.get("/workshops/1/audit"))
    assert ">Apply" not in teacher.get(place)
    assert "An instructor has set your points" in ada.get(result)


def test_what_is_ungradable_at_the_second_run_is_told(
    ada: Browser, teacher: Browser, services: Services
) -> None:
    (before,) = services.store.submissions.of(1)
    place = teacher.send("/workshops/1/regrades", kind="run").headers["Location"]
    failed = ungradable(SLUG, "Ada", 4.0, "the <disk> was full", Timing())
    for number in range(ATTEMPTS_OF_WORKERS):
        claimed = services.store.claims.claim(f"w{number}", 30, 60)
        assert claimed is not None
        services.store.claims.release(claimed, failed)
    page = teacher.get(place)
    assert "There is no new verdict to apply." in page
    assert "These keep the verdicts that they have." in page
    assert "the &lt;disk&gt; was full" in page
    assert services.store.submissions.get(before.id) == before
    assert "1 of 4 points" in words(ada.get(f"/submissions/{before.id}"))


def test_ungradable_ones_are_listed_and_run_again_by_one_click(
    ada: Browser, teacher: Browser, services: Services
) -> None:
    from tests.worker.test_reruns import give_up

    found = services.store.people.participant(1)
    assert found is not None
    identity = give_up(services.store, found, services.exercises[SLUG])
    page = words(teacher.get("/workshops/1/regrades"))
    assert "the disk was full" in page
    teacher.send("/workshops/1/run-again", page="/workshops/1/regrades")
    states = {one.id: one.state for one in services.store.submissions.of(1)}
    assert states[identity] is State.QUEUED
    assert sorted(states.values()) == [State.GRADED, State.QUEUED], "verdicts stay"


def test_the_trail_tells_of_settings_and_sign_ins(
    browser: Browsers, teacher: Browser, services: Services
) -> None:
    stranger = browser()
    stranger.send("/sign-in", name="instructor", password="wrong")
    stranger.send("/sign-in", name="my-password-by-mistake", password="wrong")
    teacher.send("/workshops/1/deadline", page="/overview", deadline="2030-06-21T17:30")
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="1")
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="1")
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="0")
    page = words(teacher.get("/workshops/1/audit"))
    assert "instructor set the deadline none 2030-06-21 17:30 UTC" in page
    assert page.count("instructor froze the scoreboard") == 1
    assert "instructor failed to sign in" in page
    assert "my-password" not in page
    only = words(teacher.get("/workshops/1/audit?action=unfreeze"))
    assert "instructor unfroze the scoreboard" in only
    assert "instructor set the deadline" not in only
    teacher.send("/sign-out", page="/overview")
    assert services.store.audit.entries()[0].deed.action is Action.SIGN_OUT


def test_the_trail_goes_on_page_by_page(teacher: Browser, services: Services) -> None:
    for number in range(130):
        services.store.workshops.set_deadline(1, float(number), f"nr-{number}")
    page = teacher.get("/workshops/1/audit?action=deadline")
    earlier = re.search(r'href="([^"]+)">Earlier', page)
    assert earlier is not None
    rest = teacher.get(html.unescape(earlier[1]))
    assert "nr-129" in page
    assert "nr-29" not in page.replace("nr-129", "")
    assert "nr-29" in rest
    assert "Earlier" not in rest
