"""Builds Dockerfile answers in the disposable engine, without network."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grader.evidence import Build
from grader.observe import buildlog
from grader.observe.refusal import refusal
from grader.sandbox.engine import Engine, EngineError

_LOG_BYTES = 4 << 20
_ENDED_BY_US = 137
# Called directly: the docker command would start it as a plugin, twice, for the same result.
_BUILDX = "/usr/libexec/docker/cli-plugins/docker-buildx"
_NEW_CONTEXT = 'mkdir -p "$1" && tar -x -C "$1"'
_COPY_CONTEXT = 'rm -rf "$1" && cp -r /answer "$1" && chmod -R u+w "$1" && tar -x -C "$1"'


def build(
    engine: Engine, dockerfile: str, text: str, allowed: frozenset[str], tag: str, wall_seconds: float
) -> Build:
    """Build the answer's Dockerfile with the answer's folder as its context.

    Args:
        engine: Where; nothing of the build happens anywhere else.
        dockerfile: Name of the answer file.
        text: Its content.
        allowed: Images that it may build on.
        tag: Name for the image.
        wall_seconds: Deadline.
    """
    refused = refusal(text, allowed)
    if refused is not None:
        return buildlog.to_refused(refused)
    return _build(engine, "/answer", dockerfile, tag, wall_seconds)


def rebuild(
    engine: Engine, dockerfile: str, files: Mapping[str, str], tag: str, wall_seconds: float
) -> Build:
    """Build again with some of the files replaced, which shows what the builder can reuse."""
    context = "/work/again"
    contents = {name: text.encode() for name, text in files.items()}
    _unpack(engine, context, contents, wall_seconds, _COPY_CONTEXT)
    return _build(engine, context, dockerfile, tag, wall_seconds)


def build_exercise(engine: Engine, folder: Path, tag: str, wall_seconds: float) -> Build:
    """Build the image that an exercise brings along; `folder` is its author's and trusted."""
    context = "/work/exercise"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    _unpack(engine, context, files, wall_seconds, _NEW_CONTEXT)
    return _build(engine, context, "Dockerfile", tag, wall_seconds)


def _unpack(
    engine: Engine, context: str, files: Mapping[str, bytes], wall_seconds: float, script: str
) -> None:
    output, status = engine.execute(
        ("/bin/bash", "-c", script, "unpack", context),
        wall_seconds=wall_seconds,
        output_bytes=_LOG_BYTES,
        stdin=_to_tar(files),
    )
    if status != 0:
        raise EngineError(f"the context could not be made: {output.stderr.decode(errors='replace')}")


def _build(engine: Engine, context: str, dockerfile: str, tag: str, wall_seconds: float) -> Build:
    started = time.monotonic()
    output, status = engine.execute(
        (
            *(_BUILDX, "build", "--network", "none", "--progress", "rawjson"),
            *("--tag", tag, "--file", f"{context}/{dockerfile}", context),
        ),
        wall_seconds=wall_seconds,
        output_bytes=_LOG_BYTES,
        env={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
    )
    wall_ms = (time.monotonic() - started) * 1000
    identity = str(engine.get(f"/images/{tag}/json")["Id"]) if status == 0 else ""
    code = _ENDED_BY_US if status is None else status
    built = buildlog.to_build(output.stderr, code, identity.encode(), round(wall_ms, 3), output.truncated)
    if status is None:
        return replace(built, output=f"{built.output}\nended by the grader: {output.ended}")
    return built


def _to_tar(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
