"""Says what images an engine holds, and reads the layers of those that an exercise wants to look into."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from grader.errors import SubmissionError
from grader.evidence import Event, Image
from grader.observe.archives import read_entries
from grader.observe.contents import Contents
from grader.observe.images import Wanted, read_image
from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError

_BLOB_BYTES = 64 << 20
_BLOB_SECONDS = 20.0
# What this engine added to the content store, which lies in an overlay of its own.
_NEW_BLOBS = r"""
cd /var/lib/docker/.content/upper/blobs/sha256 2>/dev/null || exit 0
find . -maxdepth 1 -type f -printf '%f\0' | tar -c --null -T -
"""
_log = logging.getLogger(__name__)


def as_at_the_start(engine: Engine, events: Sequence[Event]) -> bool:
    """Return whether an engine's images are those that it started with.

    Whatever changes them is an event of kind ``image``, but for builds, which leave traces in the cache of
    builds. To list the images takes an engine longer than all the rest.

    Args:
        engine: Which.
        events: Of its life since the start, all of them.
    """
    if any(event.kind == "image" for event in events):
        return False
    used = ask(engine, "/system/df", {}, type="build-cache")
    return "BuildCache" in used and not used["BuildCache"]


def described(engine: Engine, known: frozenset[str]) -> list[Mapping[str, Any]]:
    """Describe all images of an engine; those that came with it by name only.

    Args:
        engine: Which.
        known: Names of the images that came with it.
    """
    found = []
    for summary in ask(engine, "/images/json", []):
        tags = summary.get("RepoTags") or []
        ours = bool(tags) and known.issuperset(tags)
        found.append(summary if ours else ask(engine, f"/images/{summary['Id']}/json", {}) or summary)
    return found


def built(engine: Engine, tag: str) -> list[Mapping[str, Any]]:
    """Describe the image that a build has made, if it has made one."""
    found = ask(engine, f"/images/{tag}/json", {})
    return [found] if found else []


def layers(engine: Engine, tags: Sequence[str], wanted: Wanted) -> dict[str, Image]:
    """Read the layers of images, by the image's id.

    Args:
        engine: Which.
        tags: Of the images.
        wanted: What to look for in them.
    """
    found: dict[str, Image] = {}
    blobs: dict[str, bytes] | None = None
    for tag in tags:
        identity = str(ask(engine, f"/images/{tag}/json", {}).get("Id", ""))
        if identity:
            try:
                blobs = _new_blobs(engine) if blobs is None else blobs
                found[identity] = read_image(identity, partial(_blob, blobs), wanted)
            except (SubmissionError, EngineError) as error:
                _log.info("the layers of %s cannot be read: %s", tag, error)
    return found


def ask(engine: Engine, path: str, otherwise: Any, **query: Any) -> Any:
    """Ask an engine's API; `otherwise` where it fails or gives something of another kind."""
    try:
        answer = engine.get(path, **query)
    except EngineError:
        return otherwise
    return answer if isinstance(answer, type(otherwise)) else otherwise


def _new_blobs(engine: Engine) -> dict[str, bytes]:
    """Return the blobs that this engine's builds and loads added, by digest."""
    output, status = engine.execute(
        ("/bin/sh", "-c", _NEW_BLOBS), wall_seconds=_BLOB_SECONDS, output_bytes=_BLOB_BYTES
    )
    if status != 0:
        raise EngineError(f"the images' layers could not be read: {output.ended}")
    contents = Contents(io.BytesIO(output.stdout), _BLOB_BYTES)
    return {
        f"sha256:{entry.path.rpartition('/')[2]}": b"".join(contents.pieces(entry.size))
        for entry in read_entries(contents)
        if entry.kind == "file"
    }


def _blob(blobs: Mapping[str, bytes], digest: str) -> bytes:
    """Return a blob that this engine added.

    Raises:
        SubmissionError: It is not there: the image's parts were removed or came with the engine.
    """
    try:
        return blobs[digest]
    except KeyError:
        raise SubmissionError(f"{digest} is not among what this engine added") from None
