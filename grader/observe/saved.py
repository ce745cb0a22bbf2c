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
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import msgspec

from grader.evidence import Image
from grader.observe.archives import read_entries
from grader.observe.contents import ArchiveError, Contents, Readable
from grader.observe.images import StoredLayer, Wanted, assemble, decode, read_document, read_image
from grader.observe.layers import Budget

_INDEX: Final = "/index.json"
_MANIFEST: Final = "/manifest.json"
_NAME: Final = "io.containerd.image.name"
_MAX_FILES: Final = 5_000
_MAX_IMAGES: Final = 100
_MAX_LINKS: Final = 8
_BY_DIGEST: Final = re.compile(r"(?:/blobs/sha256)?/([0-9a-f]{64})(?:\.json|\.tar)?")
_Listed = TypeVar("_Listed")


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


class _Files:
    """The files of an archive by path, in one spool; a link is kept as its target."""

    def __init__(self, spool: int) -> None:
        self._spool = spool
        self._places: dict[str, tuple[int, int] | str] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._places

    def add(self, path: str, place: tuple[int, int] | str) -> None:
        if len(self._places) >= _MAX_FILES:
            raise ArchiveError(f"holds more than {_MAX_FILES:,} files")
        self._places[path] = place

    def open(self, path: str) -> AbstractContextManager[Readable]:
        """Begin to read a file; older engines link a layer that two images share.

        Raises:
            ArchiveError: It is not there.
        """
        at = path
        for _ in range(_MAX_LINKS):
            place = self._places.get(at)
            if isinstance(place, tuple):
                return nullcontext(_Part(self._spool, *place))
            if place is None:
                break
            at = posixpath.normpath(posixpath.join(posixpath.dirname(at), place))
        raise ArchiveError(f"names {path[:200]!r}, which is not in it")

    def blob(self, digest: str) -> AbstractContextManager[Readable]:
        return self.open(f"/blobs/sha256/{digest.removeprefix('sha256:')}")


@dataclass(slots=True)
class _Part:
    """A part of a file, read by offset, so that several may be read at once."""

    file: int
    start: int
    end: int

    def read(self, size: int, /) -> bytes:
        piece = os.pread(self.file, min(size, self.end - self.start), self.start)
        self.start += len(piece)
        return piece


def _images(files: _Files, wanted: Wanted, budget: Budget) -> Iterator[Image]:
    if _INDEX in files:
        tags: dict[str, list[str]] = {}
        for reference in _listed(decode(read_document(files.open(_INDEX)), _Index).manifests):
            name = (reference.annotations or {}).get(_NAME)
            tags.setdefault(reference.digest, []).extend([name] if name else [])
        for digest, names in tags.items():
            yield read_image(digest, files.blob, wanted, names, budget)
    elif _MANIFEST in files:
        for saved in _listed(decode(read_document(files.open(_MANIFEST)), list[_Saved])):
            identity = _digest(f"/{saved.config}")
            if identity is None:
                raise ArchiveError(f"names a config {saved.config[:200]!r}")
            layers = [
                StoredLayer(_digest(path), partial(files.open, path))
                for path in (f"/{layer}" for layer in saved.layers)
            ]
            config = read_document(files.open(f"/{saved.config}"), identity)
            yield assemble(identity, config, layers, wanted, saved.repo_tags or (), budget)
    else:
        raise ArchiveError("holds neither index.json nor manifest.json: no images")


def _listed(found: list[_Listed]) -> list[_Listed]:
    if len(found) > _MAX_IMAGES:
        raise ArchiveError(f"holds more than {_MAX_IMAGES} images")
    return found


def _digest(path: str) -> str | None:
    """Return the digest that a path promises, or ``None``: ``<id>/layer.tar`` promises nothing."""
    found = _BY_DIGEST.fullmatch(path)
    return f"sha256:{found[1]}" if found else None
