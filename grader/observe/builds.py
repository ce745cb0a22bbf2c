"""Builds Dockerfile answers in the disposable engine, without network."""

from __future__ import annotations

import io
import tarfile
import time
import zlib
from collections.abc import Mapping

from msgspec.structs import replace

from grader.evidence import Build
from grader.observe import buildlog, buildtrace
from grader.observe.buildprogress import BuildProgress
from grader.observe.frontend import built_in
from grader.observe.refusal import refusal
from grader.progress import SILENT, Progress
from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError

_LOG_BYTES = 4 << 20
_ENDED_BY_US = 137
# Called directly: the docker command would start it as a plugin, twice, for the same result.
_BUILDX = "/usr/libexec/docker/cli-plugins/docker-buildx"
_CONTEXT = "/work/context"
_NEW_CONTEXT = f"rm -rf {_CONTEXT} && mkdir {_CONTEXT} && tar -x -C {_CONTEXT}"
_OK = 200
_OLDEST = 1_000_000_000  # in 2001
_YEARS_SECONDS = 600_000_000


def build(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfile: str,
    allowed: frozenset[str],
    tag: str,
    wall_seconds: float,
    *,
    progress: Progress = SILENT,
) -> Build:
    """Build the answer's Dockerfile with the answer's files as its context.

    Args:
        engine: Where; nothing of the build happens anywhere else.
        files: Of the answer.
        dockerfile: Name of the one to build.
        allowed: Images that it may build on.
        tag: Name for the image.
        wall_seconds: Deadline.
        progress: Told each step as it begins, and what it prints.
    """
    refused = refusal(built_in(files[dockerfile]).decode(errors="replace"), allowed)
    if refused is not None:
        return buildlog.to_refused(refused)
    return _build(engine, files, dockerfile, tag, wall_seconds, progress)


def rebuild(
    engine: Engine,
    answer: Mapping[str, bytes],
    dockerfile: str,
    files: Mapping[str, str],
    tag: str,
    wall_seconds: float,
) -> Build:
    """Build again with some of the answer's files replaced, which shows what the builder can reuse."""
    replaced = {name: text.encode() for name, text in files.items()}
    return _build(engine, {**answer, **replaced}, dockerfile, tag, wall_seconds)


def build_exercise(engine: Engine, files: Mapping[str, bytes], tag: str, wall_seconds: float) -> Build:
    """Build the image that an exercise brings along, of `files`, which are its author's and trusted."""
    return _build(engine, files, "Dockerfile", tag, wall_seconds)


def _build(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfile: str,
    tag: str,
    wall_seconds: float,
    progress: Progress = SILENT,
) -> Build:
    if dockerfile in files:
        files = {**files, dockerfile: built_in(files[dockerfile])}
    if _needs_client(files, dockerfile):
        return _build_by_client(engine, files, dockerfile, tag, wall_seconds, progress)
    return _build_by_engine(engine, files, dockerfile, tag, wall_seconds, progress)


def _needs_client(files: Mapping[str, bytes], dockerfile: str) -> bool:
    """Return whether the build's client has work to do: leave out files, or have secrets (to refuse them)."""
    ignored = {".dockerignore", f"{dockerfile}.dockerignore"}
    return not ignored.isdisjoint(files) or b"--mount" in files.get(dockerfile, b"")


def _build_by_engine(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfile: str,
    tag: str,
    wall_seconds: float,
    progress: Progress,
) -> Build:
    """Build through the engine's own API: starting a client takes as long as two steps of a build.

    The API takes no context in a request where images lie in containerd's store, but from a URL.
    """
    started = time.monotonic()
    with engine.offer(_to_tar(files)) as url:
        query = {"version": 2, "remote": url, "dockerfile": dockerfile, "t": tag, "networkmode": "none"}
        heard = None if progress is SILENT else BuildProgress.of_engine(progress).feed
        reply = engine.receive(
            "POST", "/build", seconds=wall_seconds, query=query, limit=_LOG_BYTES, heard=heard
        )
    wall_ms = round((time.monotonic() - started) * 1000, 3)
    if reply.status != _OK:
        return buildtrace.to_failed(reply.body.decode(errors="replace"), wall_ms)
    failure = reply.failure and f"ended by the grader: {reply.failure}"
    return buildtrace.to_build(reply.body, failure, wall_ms, truncated=len(reply.body) >= _LOG_BYTES)


def _build_by_client(
    engine: Engine,
    files: Mapping[str, bytes],
    dockerfile: str,
    tag: str,
    wall_seconds: float,
    progress: Progress,
) -> Build:
    output, status = engine.execute(
        ("/bin/bash", "-c", _NEW_CONTEXT),
        wall_seconds=wall_seconds,
        output_bytes=_LOG_BYTES,
        stdin=_to_tar(files),
    )
    if status != 0:
        raise EngineError(f"the context could not be made: {output.stderr.decode(errors='replace')}")
    started = time.monotonic()
    output, status = engine.execute(
        (
            *(_BUILDX, "build", "--network", "none", "--progress", "rawjson"),
            *("--tag", tag, "--file", f"{_CONTEXT}/{dockerfile}", _CONTEXT),
        ),
        wall_seconds=wall_seconds,
        output_bytes=_LOG_BYTES,
        env={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        printed=None if progress is SILENT else BuildProgress.of_client(progress).feed,
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
            # To the build's client, what is as long and as old as before has not changed.
            member.mtime = _OLDEST + zlib.crc32(content) % _YEARS_SECONDS
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
