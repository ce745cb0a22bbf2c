"""Builds through an engine's own API: what BuildKit says in its messages, and what it never would."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.evidence import Build
from grader.observe.buildtrace import to_build, to_failed, to_status

IMAGE = "sha256:" + "a" * 64


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Encode a protocol buffer."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            encoded += varint(number << 3 | 2) + varint(len(data)) + data
    return encoded


def vertex(digest: str, name: str, *more: tuple[int, int | str | bytes]) -> tuple[int, bytes]:
    return 1, message((1, digest), (3, name), *more)


def moment(seconds: int, nanoseconds: int = 0) -> bytes:
    return message((1, seconds), (2, nanoseconds))


def line(**said: Any) -> bytes:
    return json.dumps(said).encode() + b"\r\n"


def trace(*fields: tuple[int, bytes]) -> bytes:
    return line(id="moby.buildkit.trace", aux=base64.b64encode(message(*fields)).decode())


def made(image: str = IMAGE) -> bytes:
    return line(id="moby.image.id", aux={"ID": image})


def build(*lines: bytes, failure: str = "") -> Build:
    return to_build(b"".join(lines), failure, 5.0)


def test_a_build() -> None:
    """Steps with their order, times and output, and the image."""
    built = build(
        trace(
            vertex("b", "[2/2] RUN x", (2, "a"), (5, moment(100, 500_000_000))),
            vertex("a", "[1/2] FROM y", (4, 1), (5, moment(99)), (6, moment(99))),
        ),
        trace((3, message((1, "b"), (2, moment(100)), (3, 1), (4, b"hel")))),
        trace((3, message((1, "b"), (4, b"lo\n"))), (4, message((1, "b"), (2, 1), (3, b"old")))),
        trace(vertex("b", "[2/2] RUN x", (5, moment(100, 500_000_000)), (6, moment(102)))),
        made(),
    )
    assert built.ok
    assert built.image == IMAGE
    assert [(step.title, step.cached, step.error, step.wall_ms) for step in built.steps] == [
        ("[1/2] FROM y", True, None, 0.0),
        ("[2/2] RUN x", False, None, 1500.0),
    ]
    assert built.output == "[1/2] FROM y\nCACHED\n[2/2] RUN x\nhello\nWARNING: old"
    assert built.wall_ms == 5.0


def test_a_build_that_fails() -> None:
    """The step says why, and so does the end."""
    built = build(
        trace(vertex("a", "[1/1] RUN x", (5, moment(1)), (7, "exit code: 3"))),
        line(errorDetail={"message": "failed"}, error="failed"),
    )
    assert (built.ok, built.image) == (False, None)
    assert built.steps[0].error == "exit code: 3"
    assert built.output == "[1/1] RUN x\nERROR: exit code: 3\nERROR: failed"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="nothing"),
        pytest.param((made("sha256:1"),), id="no digest"),
        pytest.param((line(id="moby.image.id", aux=[1]),), id="no object"),
        pytest.param((made(), line(error="x")), id="an error afterwards"),
        pytest.param((b"\xff\n", b"[1]\n", b"{" * 1_000), id="no lines"),
        pytest.param((line(id="moby.buildkit.trace", aux="?"),), id="no base64"),
    ],
)
def test_what_names_no_image_is_no_success(lines: tuple[bytes, ...]) -> None:
    """Whatever else it says."""
    assert not build(*lines).ok


def test_what_was_cut_off_is_no_success() -> None:
    """And shows why it ends there."""
    built = build(trace(vertex("a", "[1/1] RUN x", (5, moment(1)))), made(), failure="no end after 3 s")
    assert not built.ok
    assert built.output == "[1/1] RUN x\nno end after 3 s"


def test_a_build_that_did_not_begin() -> None:
    """Has a reason and no steps."""
    built = to_failed("x" * 10_000, 1.0)
    assert (built.ok, built.steps, len(built.output)) == (False, (), 4_096)


@pytest.mark.parametrize(
    "broken",
    [
        b"\x80" * 11,
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x",
        b"\x0b",
        message((1, message((5, moment(1 << 62))))),
        message((1, message((5, b"\x80")))),
    ],
)
def test_what_is_no_message_says_nothing(broken: bytes) -> None:
    """A line of it is left out."""
    with pytest.raises((ValueError, OverflowError)):
        to_status(broken)
    assert build(line(id="moby.buildkit.trace", aux=base64.b64encode(broken).decode())).steps == ()


def test_fields_of_other_kinds_are_passed_over() -> None:
    """Newer versions may send more; numbers of fixed length have no meaning here."""
    extra = varint(20 << 3 | 1) + b"8 bytes." + varint(21 << 3 | 5) + b"four" + message((22, 5), (23, b"x"))
    status = to_status(extra + message((1, extra + message((1, "a"), (3, 7), (5, 7)))) + extra)
    assert status.vertexes is not None
    assert [(found.digest, found.name, found.started) for found in status.vertexes] == [("a", "", None)]


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_become_a_build(found: bytes, raw: bytes) -> None:
    """Nothing that looks like an answer raises."""
    aux = base64.b64encode(found).decode()
    built = build(line(id="moby.buildkit.trace", aux=aux), raw, line(id="moby.image.id", aux=aux))
    assert not built.ok
