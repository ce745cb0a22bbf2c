"""Stores evidence under the digest of its content, with the timing that its report showed."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from grader import evidence as evidence_format
from grader.errors import BundleError
from grader.evidence import Evidence
from grader.model import Timing

SCHEMA: Final = 1
_MAX_SIZE: Final = 256 << 20
_FILE_NAME: Final = re.compile(r"sha256-([0-9a-f]{64})\.json")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A stored bundle, proven to be what was stored.

    Attributes:
        address: Digest of the evidence's canonical JSON, ``sha256:…``.
    """

    evidence: Evidence
    timing: Timing
    address: str


class _Stored(msgspec.Struct):
    schema: int
    evidence: msgspec.Raw
    timing: Timing
    digest: str


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Stored)


def encode(evidence: bytes, timing: Timing) -> bytes:
    """Return a bundle's bytes; `evidence` is canonical JSON."""
    stored = _Stored(SCHEMA, msgspec.Raw(evidence), timing, evidence_format.digest(evidence))
    return _ENCODER.encode(stored) + b"\n"


def decode(data: bytes, shown: str = "bundle") -> Bundle:
    """Read a bundle.

    Args:
        data: Its bytes.
        shown: What messages call it.

    Raises:
        BundleError: It is none, of another schema, or not what was stored.
    """
    try:
        stored = _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BundleError(f"{shown}: not an evidence bundle: {error}") from error
    if stored.schema != SCHEMA:
        raise BundleError(f"{shown}: a bundle of schema {stored.schema}, this version reads {SCHEMA}")
    found = evidence_format.digest(bytes(stored.evidence))
    if found != stored.digest:
        raise BundleError(f"{shown}: its evidence was changed after it was stored ({found})")
    try:
        return Bundle(evidence_format.from_json(bytes(stored.evidence)), stored.timing, found)
    except BundleError as error:
        raise BundleError(f"{shown}: {error}") from error


def file_name(address: str) -> str:
    """Return the name of the file in which the evidence with this address is kept."""
    return f"{address.replace(':', '-')}.json"


def store(folder: Path, evidence: bytes, timing: Timing) -> Path:
    """Write a bundle into `folder` under its address, whole or not at all; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    data = encode(evidence, timing)
    path = folder / file_name(evidence_format.digest(evidence))
    write(path, data)
    return path


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read(path: str) -> Bundle:
    """Read a bundle from a file; one that is named after an address must hold that evidence.

    Raises:
        BundleError: It cannot be read, or is no bundle, or not what was stored.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    if len(data) > _MAX_SIZE:
        raise BundleError(f"{path}: larger than any bundle")
    bundle = decode(data, path)
    named = _FILE_NAME.fullmatch(os.path.basename(path))
    if named and f"sha256:{named[1]}" != bundle.address:
        raise BundleError(f"{path}: it holds other evidence than its name says ({bundle.address})")
    return bundle


def find(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the files of bundles: each path itself, or all bundles directly in it where it is a folder.

    Raises:
        BundleError: A path does not exist, or a folder holds no bundle.
    """
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise BundleError(f"{path}: no such file")
            yield str(path)
            continue
        names = sorted(entry.name for entry in os.scandir(path) if _FILE_NAME.fullmatch(entry.name))
        if not names:
            raise BundleError(f"{path}: no bundle in this folder")
        yield from (f"{path}/{name}" for name in names)
