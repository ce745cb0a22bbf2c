"""Results taken away in every format, and lists of participants brought in."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import pytest
from flask import Flask
from lxml import etree

from grader.report.json import from_batch_document
from grader.report.junit import to_xml
from tests.web.conftest import Browser
from tests.web.full_class import costs_of_exports
from tests.web.test_pages import SLUG, grade
from web.services import Services
from web.staff import exporting
from web.staff.exports import FORMATS
from worker.audit import Action
from worker.people import Participant
from worker.settings import ServiceSettings

Browsers = Callable[[], Browser]
SCHEMA = Path(__file__).parents[1] / "report/jenkins-junit.xsd"


@pytest.fixture
def results(browser: Browsers, services: Services) -> None:
    """Two who have answered, one by an evil name with a score by hand, and one who has only joined."""
    for name in ("=1+1", "Eve"):
        one = browser()
        one.join(name)
        one.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"})
        grade(services)
    browser().join("Nobody")
    evil = services.store.people.by_name(1, "=1+1")
    assert evil is not None
    services.store.overrides.set(
        Participant(evil.id, 1, evil.name, 1),
        SLUG,
        3.5,
        4.0,
        comment="@shown at the desk",
        account="instructor",
        graded="1 of 4",
    )


def rows(data: str) -> list[dict[str, str]]:
    assert data.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(data[1:], newline="")))


def test_csv(teacher: Browser, results: None) -> None:
    found = rows(teacher.get("/workshops/1/exports/results.csv"))
    assert [(row["participant"], row["verdict"], row["score"], row["graded_score"]) for row in found] == [
        ("'=1+1", "set by hand", "3.5", "1"),
        ("Eve", "failed", "1", "1"),
    ]
    assert (found[0]["comment"], found[0]["set_by"]) == ("'@shown at the desk", "instructor")
    assert found[1]["feedback"] == "name"


def test_moodle(teacher: Browser, results: None, services: Services) -> None:
    found = rows(teacher.get("/workshops/1/exports/moodle.csv"))
    column = f"A4 {services.exercises[SLUG].title}"
    assert [(row["Full name"], row[column], row["Total"]) for row in found] == [
        ("'=1+1", "3.5", "3.5"),
        ("Eve", "1", "1"),
        ("Nobody", "", "0"),
    ]


def test_json_can_be_read_back(teacher: Browser, results: None) -> None:
    data = teacher.get("/workshops/1/exports/results.json")
    one, other = json.loads(data)["reports"]
    assert one["override"]["comment"] == "@shown at the desk"
    assert (one["score"], one["override"]["graded_score"], other["override"]) == (3.5, 1.0, None)
    assert [report.score for report in from_batch_document(data.encode())] == [3.5, 1.0]


def test_junit_fits_its_schema(teacher: Browser, results: None) -> None:
    tree = etree.fromstring(teacher.get("/workshops/1/exports/junit.xml").encode())
    etree.XMLSchema(etree.parse(str(SCHEMA))).assertValid(tree)
    properties = {one.get("name"): one.get("value") for one in tree[0].iter("property")}
    assert (properties["score"], properties["graded_score"]) == ("3.5", "1")
    assert properties["comment"] == "@shown at the desk"


def test_gradescope_has_a_folder_for_each(app: Flask, teacher: Browser, results: None) -> None:
    reply = teacher.client.get("/workshops/1/exports/gradescope.zip")
    assert reply.mimetype == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(reply.data))
    assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert archive.namelist() == ["00001-1-1/results.json", "00002-Eve/results.json"]
    evil, eve = (json.loads(archive.read(name)) for name in archive.namelist())
    assert (evil["score"], evil["tests"][0]["output"]) == (3.5, "@shown at the desk")
    assert "set by instructor" in evil["output"]
    assert (eve["score"], eve["tests"][0]["name"]) == (1.0, "A4: One <b>")
    assert json.loads(teacher.get("/participants/2/results.json")) == eve
    teacher.get("/participants/3/results.json", 404)


def test_exports_of_nothing(teacher: Browser) -> None:
    page = "/workshops/1/exports"
    assert json.loads(teacher.get(f"{page}/results.json")) == {"schema": 1, "reports": []}
    assert etree.fromstring(teacher.get(f"{page}/junit.xml").encode()).get("tests") == "0"
    assert rows(teacher.get(f"{page}/results.csv")) == []


def test_pieces_make_the_same_document(services: Services, results: None) -> None:
    grades = services.store.gradebook.grades(1, rules={})
    document = b"".join(exporting.to_json(grades))
    assert msgspec.json.format(document, indent=2) + b"\n" == document
    without_scores_by_hand = [grade for grade in grades if grade.override is None]
    assert len(without_scores_by_hand) == 1
    document = b"".join(exporting.to_junit(without_scores_by_hand))
    assert document == to_xml(grade.report for grade in without_scores_by_hand)
    totals = etree.fromstring(document).attrib
    checks = without_scores_by_hand[0].report.checks
    assert (totals["tests"], totals["failures"]) == (str(len(checks)), "1")
    (shown,) = etree.fromstring(document)
    assert totals["time"] == shown.get("time")


def test_what_is_deleted_while_an_export_is_read_is_left_out(services: Services, results: None) -> None:
    grades = services.store.gradebook.grades(1, rules={})
    assert [grade.participant for grade in grades] == ["=1+1", "Eve"]
    services.store.workshops.archive(1, archived=True, account="instructor")
    services.store.workshops.delete(1, "Linux containers", "instructor")
    assert list(grades) == []


@pytest.mark.slow
def test_a_full_class_is_neither_kept_in_memory_nor_slow(service_settings: ServiceSettings) -> None:
    """Three hundred who answered forty-six exercises: compared with reading and keeping their reports."""
    del service_settings  # it has prepared the environment, for a process whose memory holds nothing else
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        costs = pool.submit(costs_of_exports, 300).result()
    reading, keeping = costs.pop("reading"), costs.pop("keeping")
    assert costs.keys() == FORMATS.keys()
    for name, cost in costs.items():
        assert cost.memory < keeping.memory / 2, name
        assert cost.seconds < 12 * reading.seconds, name


def test_exports_are_in_the_trail(teacher: Browser, services: Services) -> None:
    teacher.get("/workshops/1/exports/results.csv")
    assert services.store.audit.entries(action=Action.EXPORT)[0].deed.after == "results.csv"


def test_a_list_comes_back_with_personal_links(
    browser: Browsers, teacher: Browser, services: Services
) -> None:
    browser().join("Ada")
    page = "/workshops/1/exports"
    data = b"name;id\nAda;17\nGrace;18\n"
    reply = teacher.send("/workshops/1/participants", page=page, list=(io.BytesIO(data), "class.csv"))
    assert reply.status_code == 200
    assert "attachment" in reply.headers["Content-Disposition"]
    ada, grace = rows(reply.text)
    assert (ada["personal_link"], ada["state"]) == ("", "was there already")
    token = re.fullmatch(r"http://localhost/back#(\S+)", grace["personal_link"])
    assert token is not None
    other = browser()
    assert other.send("/back", token=token[1]).status_code == 302
    assert "Grace" in other.get("/")
    reply = teacher.send("/workshops/1/participants", page=page, text="name\nAda\nada\n")
    assert (reply.status_code, "line 3: ada stands in line 2 already" in reply.text) == (422, True)
    reply = teacher.send("/workshops/1/participants", page=page, text="")
    assert (reply.status_code, "the list is empty" in reply.text) == (422, True)
