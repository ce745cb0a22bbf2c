"""Reads tar archives that come from hostile hands: as a stream, within limits, and never onto a disk.

The rules are those of Go's archive/tar, with which engines write and read layers, so that an archive
cannot show one thing to the engine and another to the grader. Python's tarfile holds whole extended
headers in memory, follows global headers that engines ignore, and costs several times as much per entry.
Sources: POSIX.1-2017 "pax" (ustar and pax headers), GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from grader.observe.contents import ArchiveError, Contents

Kind = Literal["file", "directory", "symlink", "hardlink", "device", "fifo"]

_BLOCK: Final = 512
_MAX_EXTENSION: Final = 1 << 20  # Go's reader stops there too
_MAX_PATH: Final = 4096  # PATH_MAX
_ZEROS: Final = bytes(_BLOCK)
_PAX_KEYS: Final = frozenset({b"path", b"linkpath", b"size", b"uid", b"gid"})
_KINDS: Final[Mapping[bytes, Kind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "fifo",
}


@dataclass(frozen=True, slots=True)
class Entry:
    r"""One entry of an archive.

    Attributes:
        path: Absolute and without detours: ``./etc//a`` and ``../etc/a`` are both ``/etc/a``. A byte that
            is not UTF-8 reads ``\xff``.
        size: Bytes of content that follow; 0 for everything but files.
        target: Of a link, as written.
    """

    path: str
    kind: Kind
    size: int
    mode: int
    uid: int
    gid: int
    target: str


def read_entries(contents: Contents) -> Iterator[Entry]:
    """Yield the entries of a tar archive.

    An entry's content may be taken from `contents` before the next entry is asked for; what was left of
    it is passed over.

    Raises:
        ArchiveError: It is damaged, or holds sparse files, unknown kinds of entries, or names that no
            Linux could have.
    """
    pax: dict[bytes, bytes] = {}
    gnu: dict[bytes, bytes] = {}
    while (block := _next_header(contents)) is not None:
        flag = block[156:157]
        if flag in b"xgLK":
            body = _extension(contents, _number(block[124:136]))
            if flag == b"x":
                pax = _pax(body)
            elif flag != b"g":  # global headers: engines ignore what they say
                gnu[b"path" if flag == b"L" else b"linkpath"] = _text(body)
            continue
        entry = _entry(block, pax | gnu)
        pax, gnu = {}, {}
        padding = -entry.size % _BLOCK
        end = contents.position + entry.size + padding
        yield entry
        if contents.skip(end - contents.position) > padding:
            raise ArchiveError("ends in the middle of a file")
    if pax or gnu:
        raise ArchiveError("ends after an extended header")


def _next_header(contents: Contents) -> bytes | None:
    """Return the next header block, or ``None`` at the end: two blocks of zeros, or no more bytes."""
    block = contents.take(_BLOCK)
    if block == _ZEROS:
        block = contents.take(_BLOCK)
        if block and block != _ZEROS:
            raise ArchiveError("goes on after its end")
        return None
    if not block:
        return None
    if len(block) < _BLOCK:
        raise ArchiveError("ends in the middle of a header")
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 0x20:
        raise ArchiveError("is no tar archive, or holds a damaged header")
    return block


def _extension(contents: Contents, size: int) -> bytes:
    if size > _MAX_EXTENSION:
        raise ArchiveError(f"holds an extended header of {size:,} bytes")
    body = contents.take(size)
    if len(body) < size or contents.skip(-size % _BLOCK):
        raise ArchiveError("ends in the middle of an extended header")
    return body


def _pax(body: bytes) -> dict[bytes, bytes]:
    """Return the records ``LENGTH KEY=VALUE`` and newline of an extended header that matter here."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 20)
        length = body[at:space]
        end = at + int(length) if space > at and length.isdigit() else -1
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if not space < end <= len(body) or body[end - 1 : end] != b"\n" or not equals:
            raise ArchiveError("holds a damaged extended header")
        if key.startswith(b"GNU.sparse."):
            raise ArchiveError("holds a sparse file, which is not read here")
        if key in _PAX_KEYS:
            records[key] = value
        at = end
    return records


def _entry(block: bytes, extended: Mapping[bytes, bytes]) -> Entry:
    flag = block[156:157]
    kind = _KINDS.get(flag)
    if kind is None:
        raise ArchiveError(f"holds an entry of the unknown kind {flag!r}")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = prefix + b"/" + name
    name = extended.get(b"path") or name
    if flag == b"\0" and name.endswith(b"/"):  # how archives older than POSIX mark a directory
        kind = "directory"
    if kind != "file":
        size = 0  # whatever the header says: nothing follows
    else:
        size = _decimal(extended[b"size"]) if extended.get(b"size") else _number(block[124:136])
    return Entry(
        path=_path(name),
        kind=kind,
        size=size,
        mode=_number(block[100:108]) & 0o7777,
        uid=_decimal(extended[b"uid"]) if extended.get(b"uid") else _number(block[108:116]),
        gid=_decimal(extended[b"gid"]) if extended.get(b"gid") else _number(block[116:124]),
        target=_name(extended.get(b"linkpath") or _text(block[157:257])),
    )


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _number(field: bytes) -> int:
    """Read a number in octal digits, or in base 256 where its first bit says so."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] & 0x40 or value >= 1 << 63:
            raise ArchiveError("holds a number out of range")
        return value
    digits = field.strip(b" \0")
    if digits.translate(None, b"01234567"):
        raise ArchiveError("is no tar archive, or holds a damaged header")
    return int(digits or b"0", 8)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 18:
        raise ArchiveError("holds a damaged extended header")
    return int(digits)


def _name(raw: bytes) -> str:
    if len(raw) > _MAX_PATH or b"\0" in raw:
        raise ArchiveError("holds a name that no Linux could have")
    return raw.decode("utf-8", "backslashreplace")


def _path(raw: bytes) -> str:
    return posixpath.normpath("/" + _name(raw).lstrip("/"))
