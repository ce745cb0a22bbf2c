"""Refusals: Dockerfiles that cannot be built here, and those that only look like it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.observe.refusal import refusal

ALLOWED = frozenset({"debian:trixie", "tiny:1", "plain"})


def refused(text: str) -> str | None:
    return refusal(text, ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:trixie",
        "from docker.io/library/debian:trixie",
        "FROM index.docker.io/library/debian:trixie",
        "FROM scratch",
        "FROM plain",
        "FROM plain:latest",
        'FROM "debian:trixie"',
        "FROM --platform=linux/amd64 debian:trixie AS Build\nFROM build\nCOPY --from=BUILD /a /b\n",
        "FROM tiny:1\nFROM tiny:1\nCOPY --from=0 /a /b",
        "ARG TAG=trixie\nFROM debian:$TAG",
        'ARG TAG="trixie"\nARG NAME=debian:${TAG}\nFROM ${NAME}',
        "ARG TAG\nFROM debian:${TAG:-trixie}",
        "ARG TAG=x\nFROM debian:${TAG:+trixie}",
        "ARG A=1 B=trixie\nFROM debian:${C:-${B}}",
        "FROM debian:trixie\nRUN <<EOF\nFROM elsewhere\nADD https://example.org /\nEOF\n",
        "FROM debian:trixie\nCOPY <<A <<-B /x/\n# syntax=x\nFROM y\nA\n\tADD https://x y\n\tB\nRUN true",
        "FROM debian:trixie\nRUN echo \\\n# FROM x\n  && ADD https://example.org\n",
        "FROM debian:trixie\n# syntax=docker/dockerfile:1\nRUN true",
        "# a comment\n# syntax=docker/dockerfile:1\nFROM debian:trixie",
        "# escape=`\nFROM debian:trixie\nRUN a `\n  FROM x\n",
        'FROM debian:trixie\nADD file.tar.gz /\nADD ["https", "/x"]',
        "FROM debian:trixie\nCOPY https://example.org /",
        "FROM debian:trixie\nENV X=https://example.org\nRUN curl $X",
        "FROM debian:trixie\nRUN --mount=type=cache,target=/x --network=none true",
        "FROM debian:trixie AS a\nFROM debian:trixie\nRUN --mount=from=a,target=/x true",
        "FROM debian:trixie\nRUN echo --network=host --security=insecure",
    ],
)
def test_what_can_be_built_is_not_refused(text: str) -> None:
    assert refused(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "RUM echo",
        "FROM",
        "FROM ${X",
        "FROM $X",
        "FROM debian:trixie\nRUN <<EOF\nno end",
        "# escape=x\nFROM y",
        "FROM image-$TARGETARCH",
        "ARG A=$BUILDPLATFORM\nFROM $A",
        "FROM ${A#b}",
        "FROM debian:trixie\nCOPY --from=$X a b",
        "FROM debian:trixie\nONBUILD",
    ],
)
def test_what_the_builder_says_better_is_left_to_it(text: str) -> None:
    assert refused(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# syntax=docker/dockerfile-upstream:master\nFROM debian:trixie", "syntax directive"),
        ("#SYNTAX = x \r\nFROM debian:trixie", "syntax directive"),
        ("\ufeff# syntax=x\nFROM debian:trixie", "syntax directive"),
        ("# escape=`\n# syntax=x\nFROM debian:trixie", "syntax directive"),
        ("#!/usr/bin/env x\n# syntax=x\nFROM debian:trixie", "syntax directive"),
        ("// syntax=x\nFROM debian:trixie", "syntax directive"),
        ('{"syntax": "x"}', "syntax directive"),
        ("FROM ubuntu", "line 1: FROM ubuntu: that image is not here"),
        ("FROM debian", "line 1: FROM debian:"),
        ("FROM debian:trixie@sha256:" + "a" * 64, "line 1: FROM debian:trixie@"),
        ("FROM example.org/debian:trixie", "line 1: FROM example.org/"),
        ("\n\nfrom --platform=$BUILDPLATFORM \\\n  ubuntu:24.04 as x", "line 3: FROM ubuntu:24.04"),
        ("ARG TAG=12\nFROM debian:$TAG", "line 2: FROM debian:12"),
        ("FROM debian:${TAG-bookworm}", "line 1: FROM debian:bookworm"),
        ("FROM tiny:1 AS a\nFROM b", "line 2: FROM b"),
        ("FROM tiny:1\nCOPY --from=busybox /a /b", "line 2: COPY --from busybox"),
        ('FROM tiny:1\nCOPY --chown=1 --from="nginx:1" /a /b', "line 2: COPY --from nginx:1"),
        ("FROM tiny:1\nRUN --mount=type=bind,from=alpine,target=/x true", "line 2: RUN --mount from alpine"),
        ('FROM tiny:1\nRUN --mount=type=bind,"from=al" true', "line 2: RUN --mount from al"),
        ("FROM tiny:1\nRUN --network=host true", "line 2: RUN --network=host"),
        ("FROM tiny:1\nrun --security=insecure true", "line 2: RUN --security=insecure"),
        ("FROM tiny:1\nADD https://example.org/a /", "line 2: ADD https://example.org/a"),
        ('FROM tiny:1\nADD ["a", "HTTP://example.org/a", "/"]', "line 2: ADD HTTP://example.org/a"),
        ("FROM tiny:1\nADD --checksum=sha256:1 'http://x' /", "line 2: ADD http://x"),
        ("FROM tiny:1\nADD git@example.org:a/b.git /", "line 2: ADD git@example.org:a/b.git"),
        ("FROM tiny:1\nADD ssh://git@x/y /", "line 2: ADD ssh://"),
        ("FROM tiny:1\nARG URL=https://example.org\nADD $URL/x /", "line 3: ADD https://example.org/x"),
        ("FROM tiny:1\nENV URL https://example.org\nADD ${URL} /", "line 3: ADD https://example.org"),
        ("ARG URL=https://x\nFROM tiny:1\nARG URL\nADD $URL /", "line 4: ADD https://x"),
        ("FROM tiny:1\nONBUILD ADD https://x /", "line 2: ADD https://x"),
        ("FROM tiny:1\nONBUILD COPY --from=x a b", "line 2: COPY --from x"),
        ("FROM tiny:1\nRUN <<E\nE\nADD https://x /", "line 4: ADD https://x"),
        ("#" * (1 << 19), "longer than"),
    ],
)
def test_what_cannot_be_built_here_is_refused(text: str, reason: str) -> None:
    assert reason in (refused(text) or "")


def test_it_says_which_images_there_are() -> None:
    assert (refused("FROM x") or "").endswith("here are: debian:trixie, plain:latest, tiny:1")
    assert (refusal("FROM x", frozenset()) or "").endswith("here are: none")


def test_arguments_that_double_do_not_fill_the_memory() -> None:
    doubling = "".join(f"ARG A{number + 1}=$A{number}$A{number}\n" for number in range(200))
    assert refused(f"ARG A0=aaaaaaaa\n{doubling}FROM $A200") is None


@pytest.mark.parametrize(
    "unit",
    [
        "RUN --a --b --c\n",
        "RUN \\\n",
        "RUN x\\\n",
        "RUN <<E\nE\n",
        "ENV A=$A B=${B:-${A}}\n",
        "ADD 'x \"y\n",
        'ADD ["',
        "--mount=a,b,",
        "<<E ",
        "# a = b\n",
        "ONBUILD ",
    ],
)
def test_time_grows_with_length_alone(unit: str) -> None:
    begun = time.perf_counter()
    refused("FROM tiny:1\nRUN " + unit * (250_000 // len(unit)))
    assert time.perf_counter() - begun < 5


MARKS = "${}:-+\\'\"[]=,#<>`/@\n\t\r\0 aA\ud800é"
WORDS = st.sampled_from(
    [*MARKS, "FROM", "RUN", "ADD", "COPY", "ARG", "ENV", "ONBUILD", "--from=", "--mount=", "<<E", "https://"]
)


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_text_is_refused_or_not(text: str) -> None:
    """Whatever is handed in as a Dockerfile, nothing raises."""
    assert refused(text) is None or isinstance(refused(text), str)
