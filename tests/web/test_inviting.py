"""How to join, for the projector: phones read the picture, everybody else the code."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.web.browsing import LAPTOP, PHONE, PROJECTOR, no_wider_than_the_screen
from tests.web.conftest import Browser
from tests.web.serving import JOIN_CODE, Serving
from tests.web.test_accessibility import faults
from tests.web.test_staff_browser import sign_in
from web.app import create_app
from web.services import Services
from worker.settings import ServiceSettings

PAGE = "/workshops/1/join"
ONLY_HERE = "nobody else can join there"


def decoded(picture: Locator) -> list[str]:
    """Return what a phone reads there."""
    image = Image.open(io.BytesIO(picture.screenshot())).convert("L")
    return [found.text for found in zxingcpp.read_barcodes(image)]


def test_only_staff_show_it_and_find_it_where_the_code_is(
    browser: Callable[[], Browser], services: Services
) -> None:
    nobody, ada, helper, teacher = browser(), browser(), browser(), browser()
    ada.join("Ada")
    for who in (nobody, ada):
        assert who.client.get(PAGE).headers["Location"] == f"/sign-in?next={PAGE}"
    services.store.people.add_account("helper", "assistant", "a long password")
    helper.send("/sign-in", name="helper", password="a long password")
    teacher.sign_in()
    for who in (helper, teacher):
        page = who.get(PAGE)
        assert ">Linux containers<" in page
        assert ">open-sesame<" in page
        assert (
            '<a href="http://localhost/join?code=open-sesame">http://localhost/join?code=open-sesame</a>'
            in page
        )
        assert "style" not in page.partition("<main")[2], "the page's policy allows no style of elements"
        for path in ("/overview", "/workshops", "/scoreboard"):
            assert f'href="{PAGE}"' in who.get(path), path
    teacher.get("/workshops/9/join", 404)


def test_nobody_is_invited_to_a_workshop_that_is_over(teacher: Browser) -> None:
    teacher.send("/workshops/1/archive", page="/workshops", archived="1")
    page = teacher.get(PAGE)
    assert "nobody joins it any more" in page
    assert "open-sesame" not in page
    assert f'href="{PAGE}"' not in teacher.get("/workshops")


@pytest.mark.parametrize(
    ("base", "only_here"),
    [
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://192.168.1.20:8000", False),
        ("http://grader.example.org/", False),
    ],
)
def test_an_address_that_leads_each_device_to_itself_is_no_invitation(
    service_settings: ServiceSettings, base: str, only_here: bool
) -> None:
    app = create_app(service_settings.model_copy(update={"base_url": base}))
    teacher = Browser(app)
    teacher.sign_in()
    page = teacher.get(PAGE)
    app.extensions["grader"].close()
    assert f'href="{base.rstrip("/")}/join?code=open-sesame"' in page
    assert (ONLY_HERE in page) == only_here


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [(PROJECTOR, "dark"), (LAPTOP, "light"), (PHONE, "dark")])
def test_a_phone_reads_the_picture_and_only_a_name_is_missing(
    open_page: Callable[..., Page], serving: Serving, size: dict[str, int], scheme: str
) -> None:
    teacher, phone = open_page(size, scheme=scheme), open_page(PHONE, script=False)
    sign_in(teacher, serving)
    teacher.get_by_role("link", name="Large, with a QR code: how to join Linux containers").click()
    no_wider_than_the_screen(teacher)
    assert faults(teacher) == []
    picture = teacher.get_by_role("img", name="QR code of the link below")
    link = teacher.get_by_role("link", name="/join?code=").get_attribute("href")
    assert decoded(picture) == [link] == [f"{serving.url}/join?code={JOIN_CODE}"]
    phone.goto(decoded(picture)[0])
    no_wider_than_the_screen(phone)
    expect(phone.get_by_label("Your name")).to_be_focused()
    phone.get_by_label("Your name").fill(f"Ada {scheme} {size['width']}")
    phone.get_by_role("button", name="Join").click()
    expect(phone.get_by_role("status")).to_contain_text("Welcome")


@pytest.mark.slow
def test_any_code_is_as_large_as_the_screen_lets_it_be(
    open_page: Callable[..., Page], serving: Serving
) -> None:
    teacher = open_page(PROJECTOR)
    sign_in(teacher, serving)
    codes = {
        "abcd": 150,
        "h7k2m9pq": 150,
        "twelve-chars": 100,
        "twenty-characters-20": 60,
        "long-" * 12 + "code": 50,
    }
    for number, (code, height) in enumerate(codes.items(), 2):
        teacher.goto("/workshops")
        teacher.get_by_label("Name", exact=True).fill(f"With a code of {len(code)}")
        teacher.get_by_label("Join code").fill(code)
        teacher.get_by_role("button", name="Open the workshop").click()
        teacher.get_by_role("link", name=f"{code}: how to join").click()
        expect(teacher).to_have_url(f"{serving.url}/workshops/{number}/join")
        for size in (PROJECTOR, LAPTOP, PHONE):
            teacher.set_viewport_size(size)
            no_wider_than_the_screen(teacher)
            shown = teacher.get_by_text(code, exact=True)
            assert shown.evaluate("(code) => code.scrollWidth <= code.clientWidth"), (code, size)
            lines = shown.evaluate(
                "(code) => code.clientHeight / parseFloat(getComputedStyle(code).lineHeight)"
            )
            assert (round(lines) == 1) == (len(code) <= 20), (code, size)
        teacher.set_viewport_size(PROJECTOR)
        letters = shown.evaluate("(code) => parseFloat(getComputedStyle(code).fontSize)")
        assert letters > height, code
        for part in (shown, teacher.get_by_role("img", name="QR code")):
            box = part.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < PROJECTOR["height"], "nobody scrolls a projector"
        assert decoded(teacher.get_by_role("img", name="QR code")) == [f"{serving.url}/join?code={code}"]


@pytest.mark.slow
def test_it_fills_the_screen(open_page: Callable[..., Page], serving: Serving) -> None:
    teacher = open_page(PROJECTOR)
    sign_in(teacher, serving)
    teacher.goto(PAGE)
    teacher.get_by_role("button", name="Full screen").click()
    teacher.wait_for_function("document.fullscreenElement?.id === 'joining'")
    assert decoded(teacher.get_by_role("img", name="QR code")) == [f"{serving.url}/join?code={JOIN_CODE}"]


@pytest.mark.slow
def test_nothing_offers_to_fill_the_screen_where_nothing_can(
    open_page: Callable[..., Page], serving: Serving
) -> None:
    teacher = open_page(script=False)
    sign_in(teacher, serving)
    for path in (PAGE, "/scoreboard"):
        teacher.goto(path)
        assert teacher.locator("#full-screen").count() == 1
        expect(teacher.locator("#full-screen")).to_be_hidden()
