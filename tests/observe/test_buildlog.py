"""Build logs: what buildx wrote for real builds, and what it never would."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.evidence import Build
from grader.observe.buildlog import MAX_OUTPUT, to_build, to_refused

DATA = Path(__file__).parent / "data"
ENGINES = ["docker-26.1", "docker-26.1-containerd"]


def log(engine: str, name: str) -> bytes:
    return gzip.decompress((DATA / engine / f"build-{name}.json.gz").read_bytes())


def captured(engine: str, name: str) -> Build:
    metadata = DATA / engine / f"build-{name}.meta.json"
    there = metadata.exists()
    return to_build(log(engine, name), 0 if there else 1, metadata.read_bytes() if there else b"", 5.0)


def vertex(digest: str, name: str = "[1/1] RUN x", **more: Any) -> dict[str, Any]:
    return {"digest": digest, "name": name, "started": "2026-01-01T00:00:00Z", **more}


def said(*vertexes: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"vertexes": vertexes, **more}).encode()


def steps(*parts: bytes) -> list[tuple[str, bool, str | None, float]]:
    built = to_build(b"".join(parts), 0, b"", 0.0)
    return [(step.title, step.cached, step.error, step.wall_ms) for step in built.steps]


@pytest.mark.parametrize("engine", ENGINES)
class TestEngines:
    def test_a_build(self, engine: str) -> None:
        built = captured(engine, "ok")
        assert built.ok
        assert [step.title.split('"')[0].strip() for step in built.steps[1:]] == [
            "[build 2/2] RUN [",
            "[stage-1 2/7] COPY --from=build /secret /opt/secret",
            "[stage-1 3/7] RUN [",
            "[stage-1 4/7] RUN [",
            "[stage-1 5/7] RUN [",
            "[stage-1 6/7] RUN [",
            "[stage-1 7/7] WORKDIR /srv",
        ]
        assert "FROM docker.io/library/tiny:1" in built.steps[0].title
        assert not any(step.error for step in built.steps)
        assert all(1 < step.wall_ms < 5_000 for step in built.steps if "RUN" in step.title)
        assert "\nhello\n" in built.output
        assert not built.truncated

    def test_the_image_is_the_one_that_the_engine_lists(self, engine: str) -> None:
        state = json.loads(gzip.decompress((DATA / engine / "engine.json.gz").read_bytes()))
        listed = {tag: image["Id"] for image in state["images"] for tag in image["RepoTags"]}
        assert captured(engine, "ok").image == listed["answer:latest"]
        assert captured(engine, "cached").image == listed["second:latest"]

    def test_what_was_built_before_is_cached(self, engine: str) -> None:
        runs = [step for step in captured(engine, "cached").steps if "RUN" in step.title]
        assert len(runs) == 5
        assert all(step.cached for step in runs)
        assert not any(step.cached for step in captured(engine, "ok").steps if "RUN" in step.title)

    def test_a_step_that_fails_is_the_last_one(self, engine: str) -> None:
        built = captured(engine, "failed")
        assert not built.ok
        assert built.image is None
        assert built.steps[-1].title.startswith("[2/3] RUN")
        assert "exit code: 3" in (built.steps[-1].error or "")
        assert "\nbefore\n" in built.output
        assert ">>> RUN" in built.output

    def test_a_file_that_is_missing(self, engine: str) -> None:
        built = captured(engine, "nocopy")
        assert '"/absent": not found' in (built.steps[-1].error or "")

    def test_an_image_that_is_missing(self, engine: str) -> None:
        (step,) = captured(engine, "missing").steps
        assert step.title == "[internal] load metadata for docker.io/library/nosuch:1"
        assert step.error

    def test_no_dockerfile_at_all(self, engine: str) -> None:
        built = captured(engine, "syntax")
        assert built.steps == ()
        assert "unknown instruction: RUM" in built.output

    def test_output_is_cut_where_it_was_cut(self, engine: str) -> None:
        """A log that ends anywhere still tells what came before."""
        whole = log(engine, "failed")
        for end in range(0, len(whole), 211):
            built = to_build(whole[:end], 1, b"", 5.0, truncated=True)
            assert built.truncated
            assert len(built.steps) <= 2


class TestSteps:
    def test_updates_of_one_step_add_up(self) -> None:
        done = {"completed": "2026-01-01T00:00:01.250000001Z"}
        first = said({"digest": "a", "name": "[1/1] RUN x"})
        assert steps(first, b"\n", said(vertex("a")), said(vertex("a", "", cached=True, **done))) == [
            ("[1/1] RUN x", True, None, 1250.0)
        ]

    def test_each_step_comes_after_those_that_it_builds_upon(self) -> None:
        found = steps(
            said(
                vertex("d", "[d] RUN", inputs=["b", "c"]),
                vertex("c", "[c] RUN", inputs=["a"]),
                vertex("b", "[b] RUN", inputs=["a"]),
                vertex("a", "[a] FROM"),
            )
        )
        assert [title for title, *_ in found] == ["[a] FROM", "[b] RUN", "[c] RUN", "[d] RUN"]

    def test_rings_end(self) -> None:
        assert len(steps(said(vertex("a", inputs=["b"]), vertex("b", inputs=["a", "b"])))) == 2

    def test_what_was_never_come_to_is_no_step(self) -> None:
        assert steps(said({"digest": "a", "name": "[2/2] RUN y"})) == []
        assert steps(said(vertex("a", "exporting to image"), vertex("b", "[internal] load"))) == []

    def test_steps_and_titles_have_a_limit(self) -> None:
        found = steps(said(*(vertex(str(number), "[x]" * 1_500) for number in range(1_500))))
        assert len(found) == 1_000
        assert max(len(title) for title, *_ in found) == 4_096


class TestOutput:
    def test_characters_may_be_cut_between_pieces(self) -> None:
        euro = "€".encode()
        logs = [
            {"vertex": "a", "data": base64.b64encode(part).decode()}
            for part in (euro[:1], euro[1:], b"\xff\r\n")
        ]
        assert to_build(said(vertex("a"), logs=logs), 0, b"", 0.0).output == "[1/1] RUN x\n€\ufffd"

    def test_warnings_are_shown(self) -> None:
        warning = {"vertex": "a", "level": 1, "short": base64.b64encode(b"old").decode()}
        assert "WARNING: old" in to_build(said(vertex("a"), warnings=[warning]), 0, b"", 0.0).output

    def test_it_has_a_limit(self) -> None:
        data = base64.b64encode(b"x" * 50_000).decode()
        built = to_build(said(vertex("a"), logs=[{"vertex": "a", "data": data}] * 10), 0, b"", 0.0)
        assert len(built.output) == MAX_OUTPUT
        assert built.truncated

    def test_what_is_no_json_is_shown(self) -> None:
        progress = b"time=x level=warning\n" + said(vertex("a")) + b"\n{broken\nERROR: failed\n"
        assert (
            to_build(progress, 1, b"", 0.0).output
            == "[1/1] RUN x\ntime=x level=warning\n{broken\nERROR: failed"
        )

    @pytest.mark.parametrize("progress", [b"{" * 1_000_000, b'{"a":"\n' * 200_000, b'{"a":' * 300_000])
    def test_what_never_ends_does_not_take_for_ever(self, progress: bytes) -> None:
        assert to_build(progress, 1, b"", 0.0).steps == ()


class TestImage:
    ID = "sha256:" + "a" * 64

    @pytest.mark.parametrize(
        ("metadata", "image"),
        [
            (ID.encode() + b"\n", ID),
            (json.dumps({"containerimage.digest": ID}).encode(), ID),
            (b"", None),
            (b"{}", None),
            (b"[]", None),
            (b'{"containerimage.digest": 3}', None),
            (b'{"containerimage.digest": "sha256:x"}', None),
            (b"[" * 100_000, None),
            (b"\xff", None),
        ],
    )
    def test_from_metadata_or_iidfile(self, metadata: bytes, image: str | None) -> None:
        assert to_build(b"", 0, metadata, 0.0).image == image

    def test_a_failed_build_made_none(self) -> None:
        assert to_build(b"", 1, self.ID.encode(), 0.0).image is None


def test_a_refused_build_says_why() -> None:
    built = to_refused("because")
    assert (built.ok, built.refused, built.steps) == (False, "because", ())


STATUS = st.fixed_dictionaries(
    {},
    optional={
        "vertexes": st.lists(
            st.fixed_dictionaries(
                {"digest": st.sampled_from("abc")},
                optional={
                    "name": st.text(max_size=5),
                    "inputs": st.lists(st.sampled_from("abcd"), max_size=3),
                    "started": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", "soon"]),
                    "completed": st.sampled_from(["2025-01-01T00:00:00.5Z", "2026-01-01T00:00:00"]),
                    "error": st.text(max_size=3) | st.none(),
                },
            ),
            max_size=4,
        ),
        "logs": st.lists(
            st.fixed_dictionaries({"vertex": st.sampled_from("ad"), "data": st.text(max_size=4)})
        ),
    },
)


@pytest.mark.slow
@given(st.lists(STATUS.map(json.dumps).map(str.encode) | st.binary(max_size=20), max_size=6))
def test_any_bytes_become_a_build(parts: list[bytes]) -> None:
    """Nothing that looks like a log raises."""
    built = to_build(b"\n".join(parts), 1, b"", 0.0)
    assert all(step.wall_ms >= 0 for step in built.steps)
