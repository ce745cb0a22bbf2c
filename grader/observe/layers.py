"""Turns the archive of one image layer into evidence, without keeping any of its content.

Source: OCI image specification, "Image Layer Filesystem Changeset" (whiteouts, opaque directories).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grader.evidence import Layer, LayerFile
from grader.observe.archives import Entry, read_entries
from grader.observe.contents import ArchiveError, Contents, Readable

LISTED: Final = 5_000
_MATCHES: Final = 100
_WHITEOUT: Final = ".wh."
_AUFS: Final = ".wh..wh."  # book-keeping of a storage driver of old; engines ignore all but the next
_OPAQUE: Final = ".wh..wh..opq"


@dataclass(slots=True)
class Budget:
    """What may still be read of one image; every layer takes its share.

    Attributes:
        bytes: Uncompressed bytes of layers.
        entries: Entries looked at, listed or not.
        names: Characters of paths and link targets that go into the evidence.
    """

    bytes: int = 2 << 30
    entries: int = 500_000
    names: int = 4 << 20


def base_layer(diff_id: str) -> Layer:
    """Return what is said about a layer of a base image of ours: nothing but that it is there."""
    return Layer(diff_id=diff_id, size=0, base=True, files=(), whiteouts=(), opaque=(), matches={})


def read_layer(
    stream: Readable, diff_id: str, stored_digest: str | None, search: Sequence[str], budget: Budget
) -> Layer:
    """Read one layer from its archive, which may be gzip.

    Args:
        stream: The archive.
        diff_id: Digest that its uncompressed bytes must have.
        stored_digest: Digest that its bytes as stored must have, or ``None`` where none is known.
        search: Texts to look for in names, link targets and contents.
        budget: What may be read; what was read is taken off it.

    Raises:
        ArchiveError: It is damaged or forged, or more than the budget allows.
    """
    contents = Contents(stream, budget.bytes)
    draft = _Draft({text: text.encode() for text in search if text}, budget)
    for entry in read_entries(contents):
        draft.add(entry, contents)
    contents.drain()
    budget.bytes -= contents.position
    if stored_digest is not None and contents.stored_digest != stored_digest:
        raise ArchiveError(f"says that it is {stored_digest} and is {contents.stored_digest}")
    if contents.digest != diff_id:
        raise ArchiveError(f"says that its content is {diff_id} and it is {contents.digest}")
    return draft.layer(diff_id)


@dataclass(slots=True)
class _Draft:
    """A layer in the making."""

    needles: Mapping[str, bytes]
    budget: Budget
    size: int = 0
    truncated: bool = False
    files: dict[str, LayerFile] = field(default_factory=dict)
    whiteouts: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    matches: dict[str, set[str]] = field(default_factory=dict)

    def add(self, entry: Entry, contents: Contents) -> None:
        self.budget.entries -= 1
        if self.budget.entries < 0:
            raise ArchiveError("holds more entries than are read here")
        folder, name = posixpath.split(entry.path)
        if not name.startswith(_WHITEOUT):
            self.size += entry.size
            self._list(entry)
            if self.needles:
                self._search(entry, contents)
        elif name == _OPAQUE:
            self._mark(self.opaque, folder)
        elif not name.startswith(_AUFS):
            deleted = name.removeprefix(_WHITEOUT)
            if deleted in {"", ".", ".."}:
                raise ArchiveError(f"deletes the impossible name {deleted!r}")
            self._mark(self.whiteouts, posixpath.join(folder, deleted))

    def layer(self, diff_id: str) -> Layer:
        return Layer(
            diff_id=diff_id,
            size=self.size,
            base=False,
            files=tuple(self.files[path] for path in sorted(self.files)),
            whiteouts=tuple(sorted(self.whiteouts)),
            opaque=tuple(sorted(self.opaque)),
            matches={text: tuple(sorted(paths)) for text, paths in sorted(self.matches.items())},
            truncated=self.truncated,
        )

    def _list(self, entry: Entry) -> None:
        """Put `entry` into the listing; of two with one path the later counts, as it does when unpacked."""
        if entry.path in self.files or self._room(len(self.files), entry.path, entry.target):
            self.files[entry.path] = LayerFile(
                entry.path, entry.kind, entry.size, entry.mode, entry.uid, entry.gid, entry.target
            )

    def _mark(self, paths: set[str], path: str) -> None:
        if path not in paths and self._room(len(paths), path):
            paths.add(path)

    def _search(self, entry: Entry, contents: Contents) -> None:
        names = (entry.path.encode(), entry.target.encode())
        found = {text for text, needle in self.needles.items() if any(needle in name for name in names)}
        if entry.size:
            sought = {text: needle for text, needle in self.needles.items() if text not in found}
            found |= _found_in(contents.pieces(entry.size), sought)
        for text in found:
            paths = self.matches.setdefault(text, set())
            if entry.path not in paths and self._room(len(paths), entry.path, limit=_MATCHES):
                paths.add(entry.path)

    def _room(self, listed: int, *names: str, limit: int = LISTED) -> bool:
        length = sum(map(len, names))
        if listed >= limit or length > self.budget.names:
            self.truncated = True
            return False
        self.budget.names -= length
        return True


def _found_in(pieces: Iterable[bytes], needles: Mapping[str, bytes]) -> set[str]:
    """Return the texts that occur in `pieces` taken together."""
    sought = dict(needles)
    overlap = max(map(len, sought.values()), default=1) - 1
    tail = b""
    for piece in pieces:
        window = tail + piece
        sought = {text: needle for text, needle in sought.items() if needle not in window}
        if not sought:
            break
        tail = window[-overlap:] if overlap else b""
    return needles.keys() - sought.keys()
