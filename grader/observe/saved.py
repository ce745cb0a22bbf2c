"""Reads the images of a `docker save` archive, in the layout of OCI or in that of engines before 25.

Layers come before the documents that name them, so the files are copied into a nameless temporary file
first, one after the other, and read from there by offset.
Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import os
import posixpath
import re
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from grader.evidence import Image
from grader.observe.archives import read_entries
from grader.observe.contents import ArchiveError, Contents, Readable
from grader.observe.images import StoredLayer, Wanted, assemble, decode, read_document, read_image
from grader.observe.layers import Budget

_MAX_FILES: Final = 5_000
_MAX_IMAGES: Final = 100
_MAX_LINKS: Final = 8
_BY_DIGEST: Final = re.compile(r"(?:/blobs/sha256)?/([0-9a-f]{64})(?:\.json)?")


class _Saved(msgspec.Struct, rename="pascal"):
    """One image in ``manifest.json``."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


class _Reference(msgspec.Struct):
    """One image in ``index.json``."""

    digest: str
    annotations: dict[str, str] | None = None


class _Index(msgspec.Struct):
    manifests: list[_Reference]


def read_archive(
    stream: Readable, wanted: Wanted | None = None, budget: Budget | None = None, limit: int = 1 << 30
) -> tuple[Image, ...]:
    """Read every image of an archive that `docker save` wrote; `limit` is its size in bytes, unpacked.

    An image is known by the digest of its manifest, or where there is none by that of its config: what
    the engine that wrote the archive calls it, if it stores images in that way.

    Raises:
        ArchiveError: It is damaged or forged, or more than is read here.
    """
    wanted, budget = wanted or Wanted(), budget or Budget()
    with tempfile.TemporaryFile(buffering=0) as spool:
        files = _Files(spool.fileno())
        contents = Contents(stream, limit)
        for entry in read_entries(contents):
            if entry.kind == "file":
                offset = spool.tell()
                for piece in contents.pieces(entry.size):
                    spool.write(piece)
                files.add(entry.path, (offset, spool.tell()))
            elif entry.kind in {"symlink", "hardlink"}:
                files.add(entry.path, entry.target if entry.kind == "symlink" else f"/{entry.target}")
        return tuple(_images(files, wanted, budget))
