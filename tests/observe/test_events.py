"""Events: what three engines streamed, cut anywhere, and what hostile ones might."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.evidence import Event
from grader.observe.events import Stream

DATA = Path(__file__).parent / "data"
ENGINES = ["docker-20.10", "docker-26.1", "docker-26.1-containerd"]


def said(action: str = "start", **attributes: str) -> bytes:
    actor = {"ID": "c1", "Attributes": attributes}
    event = {"Type": "container", "Action": action, "Actor": actor, "timeNano": 2_500_000_000}
    return json.dumps(event).encode() + b"\n"


def read(data: bytes, started_ns: int = 1_000_000_000) -> Stream:
    stream = Stream(started_ns)
    stream.feed(data)
    return stream


def only(data: bytes) -> Event:
    (event,) = read(data).events()
    return event


@pytest.fixture(params=ENGINES)
def captured(request: pytest.FixtureRequest) -> bytes:
    return gzip.decompress((DATA / request.param / "events.jsonl.gz").read_bytes())


class TestEngines:
    def test_every_event_is_read(self, captured: bytes) -> None:
        stream = read(captured)
        assert len(stream.events()) == captured.count(b"\n")
        assert stream.lost == 0

    def test_the_life_of_a_container(self, captured: bytes) -> None:
        web = [event for event in read(captured).events() if event.attributes.get("name") == "web"]
        actions = Counter(event.action for event in web)
        assert actions == Counter(
            create=1, start=1, exec_create=2, exec_start=2, exec_die=2, kill=2, die=1, stop=1
        )
        assert {event.kind for event in web} == {"container"}
        assert len({event.id for event in web}) == 1
        assert {event.attributes["image"] for event in web} == {"answer"}
        assert {event.attributes["org.example.role"] for event in web} == {"front"}

    def test_commands_signals_and_exit_codes(self, captured: bytes) -> None:
        found = {
            (event.attributes.get("name"), event.action, event.attributes.get(key))
            for event in read(captured).events()
            for key in ("command", "signal", "exitCode")
            if key in event.attributes
        }
        assert found >= {
            ("web", "exec_create", "/act tell a: b"),
            ("web", "exec_start", "/act xit 4"),
            ("web", "exec_die", "4"),
            ("web", "kill", "2"),
            ("web", "kill", "9"),
            ("web", "die", "137"),
            ("gone", "die", "7"),
            ("busy", "kill", "10"),
            ("again", "die", "5"),
        }

    def test_a_restarted_container_starts_three_times(self, captured: bytes) -> None:
        starts = [event for event in read(captured).events() if event.action == "start"]
        assert Counter(event.attributes["name"] for event in starts)["again"] == 3

    def test_times_count_from_the_start_and_rise(self, captured: bytes) -> None:
        first = json.loads(captured.partition(b"\n")[0])["timeNano"]
        times = [event.at_ms for event in read(captured, first).events()]
        assert times[0] == 0
        assert 3_000 < times[-1] < 60_000

    def test_pieces_may_end_anywhere(self, captured: bytes) -> None:
        whole = read(captured).events()
        for size in (1, 7, 4096):
            stream = Stream(1_000_000_000)
            for at in range(0, len(captured), size):
                stream.feed(captured[at : at + size])
            assert stream.events() == whole

    def test_fields_that_newer_engines_dropped_are_not_needed(self, captured: bytes) -> None:
        events = [json.loads(line) for line in captured.splitlines()]
        for event in events:
            for key in ("status", "id", "from"):
                event.pop(key, None)
        newer = b"".join(json.dumps(event).encode() + b"\n" for event in events)
        assert read(newer).events() == read(captured).events()


class TestStream:
    def test_an_event(self) -> None:
        assert only(said("die", exitCode="3")) == Event(1500.0, "container", "die", "c1", {"exitCode": "3"})

    @pytest.mark.parametrize(
        ("action", "name", "attributes"),
        [
            ("exec_start: /bin/sh -c echo a: b", "exec_start", {"command": "/bin/sh -c echo a: b"}),
            ("exec_create: ", "exec_create", {"command": ""}),
            ("health_status: healthy", "health_status", {"health": "healthy"}),
            ("new: thing", "new", {"detail": "thing"}),
            ("a:b", "a:b", {}),
        ],
    )
    def test_what_an_action_says_behind_its_colon(
        self, action: str, name: str, attributes: dict[str, str]
    ) -> None:
        event = only(said(action))
        assert (event.action, event.attributes) == (name, attributes)

    def test_a_label_cannot_stand_in_for_the_command(self) -> None:
        assert only(said("exec_start: real", command="label")).attributes["command"] == "real"

    @pytest.mark.parametrize(
        ("signal", "number"),
        [("15", "15"), ("SIGTERM", "15"), ("term", "15"), ("SIGHUP", "1"), ("odd", "odd")],
    )
    def test_signals_are_numbers(self, signal: str, number: str) -> None:
        assert only(said("kill", signal=signal)).attributes["signal"] == number

    def test_a_line_without_end_is_not_an_event_yet(self) -> None:
        stream = Stream(0)
        stream.feed(said()[:-1])
        assert stream.events() == ()
        stream.feed(b"\n")
        assert len(stream.events()) == 1

    @pytest.mark.parametrize(
        "line",
        [
            b"[]",
            b"{}",
            b"nonsense",
            b"[" * 50_000,
            b'{"Type": 3}',
            b"\xff",
            said().strip().replace(b'"c1"', b"null"),
        ],
    )
    def test_what_is_no_event_is_counted(self, line: bytes) -> None:
        stream = read(line + b"\n\n" + said())
        assert len(stream.events()) == 1
        assert stream.lost == 1

    def test_a_long_event_is_passed_over(self) -> None:
        stream = Stream(0)
        for _ in range(300):
            stream.feed(b"x" * 1000)
        stream.feed(b"\n" + said(label="y" * (64 << 10)) + said())
        assert len(stream.events()) == 1
        assert stream.lost == 2

    def test_only_so_many_events_are_kept(self) -> None:
        stream = read(said() * 10_005)
        assert len(stream.events()) == 10_000
        assert stream.lost == 5

    def test_only_so_many_bytes_are_kept(self) -> None:
        stream = read(said(label="y" * 60_000) * 200)
        assert len(stream.events()) + stream.lost == 200
        assert 130 < len(stream.events()) < 145


@given(st.lists(st.binary(max_size=80) | st.sampled_from([said(), b"\n", b'{"Type":']), max_size=20))
def test_any_bytes_in_any_pieces_give_the_same_events(pieces: list[bytes]) -> None:
    """What is read does not hang on how it was cut, and nothing raises."""
    stream = Stream(0)
    for piece in pieces:
        stream.feed(piece)
    whole = read(b"".join(pieces), 0)
    assert stream.events() == whole.events()
    assert stream.lost == whole.lost
