"""Frontends that Dockerfiles ask for: the builder's own, and all others."""

from __future__ import annotations

import pytest

from grader.observe.frontend import asks_for_another, built_in


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        (b"# syntax=docker/dockerfile:1\nFROM x", b"# built in\nFROM x"),
        (b"#Syntax = docker/dockerfile \r\nFROM x", b"# built in\nFROM x"),
        (b"# syntax=docker.io/docker/dockerfile:1.4.3", b"# built in\n"),
        (b"# syntax=docker/dockerfile:latest\n", b"# built in\n"),
        (
            b"# check=skip=all\n# syntax=docker/dockerfile:1.7\n# escape=`\nFROM x",
            b"# check=skip=all\n# escape=`\n# built in\nFROM x",
        ),
        (b"\xef\xbb\xbf# syntax=docker/dockerfile:1\n", b"\xef\xbb\xbf# built in\n"),
        (b"#!/x\n# syntax=docker/dockerfile:1\n", b"#!/x\n# built in\n"),
    ],
)
def test_the_builder_reads_what_asks_for_its_own_frontend(asked: bytes, read: bytes) -> None:
    assert built_in(asked) == read
    assert asks_for_another(asked.decode())
    assert not asks_for_another(read.decode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"FROM x\n# syntax=docker/dockerfile:1\n",
        b"# a comment\n# syntax=docker/dockerfile:1\n",
        b"# escape=`\n\n# syntax=docker/dockerfile:1\n",
        b"\xff\x00 # syntax=docker/dockerfile:1\n",
    ],
)
def test_what_asks_for_none_stays_as_it_is(text: bytes) -> None:
    assert built_in(text) == text
    assert not asks_for_another(text.decode(errors="replace"))


@pytest.mark.parametrize(
    "text",
    [
        b"# syntax=docker/dockerfile:1-labs\n",
        b"# syntax=docker/dockerfile:1@sha256:" + b"a" * 64 + b"\n",
        b"# syntax=docker/dockerfile:2\n",
        b"# syntax=example.org/docker/dockerfile:1\n",
        b"# syntax=docker/dockerfile:1 x\n",
        b"// syntax=docker/dockerfile:1\n",
        b'{"syntax": "docker/dockerfile:1"}',
        b"# syntax=elsewhere\n# syntax=docker/dockerfile:1\n",
        b"# syntax=docker/dockerfile:1\n# syntax=elsewhere\n",
    ],
)
def test_another_frontend_is_still_asked_for(text: bytes) -> None:
    assert asks_for_another(built_in(text).decode())
