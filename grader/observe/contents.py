"""Uncompresses, counts and hashes byte streams that come from hostile hands, within limits."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import Final, Protocol

from grader.errors import SubmissionError

_CHUNK: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"
_UNREAD: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}


class ArchiveError(SubmissionError):
    """An archive or an image is damaged, forged, or more than is read here."""


class Readable(Protocol):
    """What bytes come from: a pipe, a file, memory."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""


class Contents:
    """The uncompressed bytes of a stream that may be gzip: hashed, and counted against a limit."""

    def __init__(self, stream: Readable, limit: int) -> None:
        """Begin to read; neither side of the compression may have more than `limit` bytes."""
        self._limit = limit
        self._left = limit
        self._stored = hashlib.sha256()
        self._plain = hashlib.sha256()
        self._buffer = b""
        self._before = 0
        self._at = 0
        self._pieces = self._open(stream)

    @property
    def stored_digest(self) -> str:
        """Digest of the bytes read so far as they are stored."""
        return f"sha256:{self._stored.hexdigest()}"

    @property
    def digest(self) -> str:
        """Digest of the bytes read so far, uncompressed."""
        return f"sha256:{self._plain.hexdigest()}"

    @property
    def position(self) -> int:
        """How many uncompressed bytes were taken or passed over."""
        return self._before + self._at

    def take(self, size: int) -> bytes:
        """Return exactly `size` bytes, or fewer where the stream ends."""
        end = self._at + size
        if end <= len(self._buffer):
            found = self._buffer[self._at : end]
            self._at = end
            return found
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield `size` bytes piece by piece, or fewer where the stream ends."""
        while size and self._ready():
            piece = self._buffer[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> int:
        """Pass over `size` bytes, or fewer where the stream ends; return how many were missing."""
        while size and self._ready():
            step = min(size, len(self._buffer) - self._at)
            self._at += step
            size -= step
        return size

    def drain(self) -> None:
        """Read to the end, so that the digests cover everything."""
        while self._ready():
            self._at = len(self._buffer)

    def _ready(self) -> bool:
        """Make sure that the buffer holds something; say whether it does."""
        if self._at < len(self._buffer):
            return True
        self._before += len(self._buffer)
        self._buffer, self._at = next(self._pieces, b""), 0
        self._left -= len(self._buffer)
        if self._left < 0:
            raise ArchiveError(f"holds more than {self._limit:,} bytes")
        self._plain.update(self._buffer)
        return bool(self._buffer)

    def _open(self, stream: Readable) -> Iterator[bytes]:
        stored = self._read(stream)
        first = next(stored, b"")
        for magic, name in _UNREAD.items():
            if first.startswith(magic):
                raise ArchiveError(f"is compressed with {name}, which is not read here")
        if first.startswith(_GZIP):
            yield from _inflate(first, stored)
        elif first:
            yield first
            yield from stored

    def _read(self, stream: Readable) -> Iterator[bytes]:
        left = self._limit
        while piece := stream.read(_CHUNK):
            left -= len(piece)
            if left < 0:
                raise ArchiveError(f"is larger than {self._limit:,} bytes")
            self._stored.update(piece)
            yield piece


def _inflate(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what gzip data hold, a chunk at a time; several members follow each other as one."""
    inflater = zlib.decompressobj(wbits=31)
    piece = first
    while True:
        try:
            plain = inflater.decompress(piece, _CHUNK)
        except zlib.error as error:
            raise ArchiveError(f"holds damaged gzip data: {error}") from error
        if plain:
            yield plain
        if inflater.eof:
            piece = inflater.unused_data or next(rest, b"")
            if not piece:
                return
            inflater = zlib.decompressobj(wbits=31)
            continue
        piece = inflater.unconsumed_tail
        # A full chunk may leave output behind in the inflater although its input is used up.
        if not piece and len(plain) < _CHUNK:
            piece = next(rest, b"")
            if not piece:
                raise ArchiveError("holds gzip data that end too early")
