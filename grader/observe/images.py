"""Reads an image into evidence from an engine's content store, blob by blob.

Source: OCI image specification (index, manifest, config) with the fields that Docker adds to a config.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from grader.evidence import HistoryStep, Image, ImageConfig
from grader.observe.contents import ArchiveError, Readable
from grader.observe.layers import Budget, base_layer, read_layer

Blob = Callable[[str], AbstractContextManager[Readable] | bytes]
"""Gives a blob by its digest (``sha256:`` and 64 hexadecimal digits); what it raises goes through."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_DOCUMENT: Final = 1 << 20
_MAX_LAYERS: Final = 500  # overlayfs takes 500 lower directories; engines stop at 127
_MAX_MANIFESTS: Final = 64
_MAX_INDEX_DEPTH: Final = 3
_ATTESTATION: Final = "vnd.docker.reference.type"
_Document = TypeVar("_Document")


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""


class _Descriptor(msgspec.Struct, rename="camel"):
    """What an index or a manifest says about a blob."""

    digest: str
    annotations: dict[str, str] | None = None
    platform: _Platform | None = None


class _Manifest(msgspec.Struct):
    """An index or a manifest: which of the two shows in its fields."""

    manifests: list[_Descriptor] | None = None
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None


class _Health(msgspec.Struct, rename="pascal"):
    test: list[str] | None = None


class Configuration(msgspec.Struct, rename="pascal"):
    """How to run an image, as its config and an engine's inspection say it."""

    entrypoint: list[str] | str | None = None
    cmd: list[str] | str | None = None
    env: list[str] | None = None
    user: str | None = None
    working_dir: str | None = None
    labels: dict[str, str] | None = None
    exposed_ports: dict[str, Any] | None = None
    volumes: dict[str, Any] | None = None
    stop_signal: str | None = None
    healthcheck: _Health | None = None


class _History(msgspec.Struct):
    created_by: str = ""
    empty_layer: bool = False


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Config(msgspec.Struct):
    rootfs: _RootFs
    config: Configuration | None = None
    history: list[_History] | None = None


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """Where the archive of a layer is to be had.

    Attributes:
        digest: Of the archive as stored, or ``None`` where nothing names it.
        open: Begins to read it.
    """

    digest: str | None
    open: Callable[[], AbstractContextManager[Readable]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for in images.

    Attributes:
        base: Ids of layers that came with base images of ours; they are not even read.
        search: Texts to look for in names, link targets and contents of the other layers.
        architecture: Which image of an index is wanted, ``amd64``, …; the first where none fits.
    """

    base: frozenset[str] = frozenset()
    search: tuple[str, ...] = ()
    architecture: str = ""


_EVERYTHING: Final = Wanted()


def read_image(
    digest: str,
    blob: Blob,
    wanted: Wanted = _EVERYTHING,
    tags: Sequence[str] = (),
    budget: Budget | None = None,
) -> Image:
    """Read the image that `digest` names: an index or a manifest.

    Args:
        digest: ``sha256:…``; it becomes the image's id, as it is in an engine with such a store.
        blob: Gives each blob; every one is compared with its digest.
        wanted: What to look for.
        tags: Names of the image.
        budget: What may be read; hand on the same one where several images are read.

    Raises:
        ArchiveError: A blob is damaged or forged, or more than is read here.
    """
    manifest = _manifest(digest, blob, wanted.architecture, _MAX_INDEX_DEPTH)
    if manifest.config is None or manifest.layers is None:
        raise ArchiveError(f"{digest} names no image")
    layers = [StoredLayer(layer.digest, partial(_open, layer.digest, blob)) for layer in manifest.layers]
    config = read_document(_open(manifest.config.digest, blob), manifest.config.digest)
    return assemble(digest, config, layers, wanted, tags, budget)


def assemble(
    identity: str,
    config: bytes,
    layers: Sequence[StoredLayer],
    wanted: Wanted = _EVERYTHING,
    tags: Sequence[str] = (),
    budget: Budget | None = None,
) -> Image:
    """Read an image of which the parts are known.

    Raises:
        ArchiveError: A part is damaged or forged, or more than is read here.
    """
    said = decode(config, _Config)
    diff_ids = said.rootfs.diff_ids
    if len(layers) != len(diff_ids):
        raise ArchiveError(f"has {len(layers)} layers where its config names {len(diff_ids)}")
    if len(layers) > _MAX_LAYERS:
        raise ArchiveError(f"has {len(layers)} layers")
    budget = budget or Budget()
    known = {diff_id: base_layer(diff_id) for diff_id in wanted.base}
    for stored, diff_id in zip(layers, diff_ids, strict=True):
        if diff_id not in known:  # an image may hold one layer many times, most often the empty one
            with stored.open() as stream:
                known[diff_id] = read_layer(stream, diff_id, stored.digest, wanted.search, budget)
    return Image(
        id=identity,
        tags=to_tags(tags),
        config=to_image_config(said.config),
        history=tuple(HistoryStep(step.created_by, step.empty_layer) for step in said.history or ()),
        layers=tuple(known[diff_id] for diff_id in diff_ids),
    )


def to_image_config(configuration: Configuration | None) -> ImageConfig:
    """Convert what an image's config or an engine's inspection says."""
    said = configuration or Configuration()
    return ImageConfig(
        entrypoint=_words(said.entrypoint),
        cmd=_words(said.cmd),
        env={name: value for name, _, value in (pair.partition("=") for pair in said.env or ())},
        user=said.user or "",
        workdir=said.working_dir or "",
        labels=said.labels or {},
        exposed=tuple(sorted(said.exposed_ports or ())),
        volumes=tuple(sorted(said.volumes or ())),
        stop_signal=said.stop_signal or "",
        healthcheck=_words(said.healthcheck.test) if said.healthcheck else None,
    )


def to_tags(names: Iterable[str]) -> tuple[str, ...]:
    """Convert names such as ``docker.io/library/debian:trixie`` to what people type, ``debian:trixie``."""
    return tuple(sorted({name.removeprefix("docker.io/").removeprefix("library/") for name in names}))


def read_document(source: AbstractContextManager[Readable], digest: str | None = None) -> bytes:
    """Read a JSON document of at most 1 MiB, and compare it with its digest where one is known.

    Raises:
        ArchiveError: It is larger, or has another digest.
    """
    parts: list[bytes] = []
    left = _MAX_DOCUMENT
    with source as stream:
        while piece := stream.read(left + 1):
            left -= len(piece)
            if left < 0:
                raise ArchiveError(f"holds a document of more than {_MAX_DOCUMENT:,} bytes")
            parts.append(piece)
    data = b"".join(parts)
    if digest is not None and (found := f"sha256:{hashlib.sha256(data).hexdigest()}") != digest:
        raise ArchiveError(f"says that it is {digest} and is {found}")
    return data


def decode(data: bytes, form: type[_Document]) -> _Document:
    """Decode a JSON document.

    Raises:
        ArchiveError: It is none, or not of that form.
    """
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveError(f"holds a document that cannot be read: {error}") from error


def _manifest(digest: str, blob: Blob, architecture: str, depth: int) -> _Manifest:
    manifest = decode(read_document(_open(digest, blob), digest), _Manifest)
    if manifest.manifests is None:
        return manifest
    if not depth or len(manifest.manifests) > _MAX_MANIFESTS:
        raise ArchiveError("holds an index that is too deep or too long")
    images = [found for found in manifest.manifests if _ATTESTATION not in (found.annotations or {})]
    if not images:
        raise ArchiveError(f"{digest} names no image")
    fitting = (found for found in images if found.platform and found.platform.architecture == architecture)
    return _manifest(next(fitting, images[0]).digest, blob, architecture, depth - 1)


def _open(digest: str, blob: Blob) -> AbstractContextManager[Readable]:
    if not _DIGEST.fullmatch(digest):
        raise ArchiveError(f"names a blob {digest[:100]!r}")
    found = blob(digest)
    return io.BytesIO(found) if isinstance(found, bytes) else found


def _words(said: list[str] | str | None) -> tuple[str, ...] | None:
    if said is None:
        return None
    return (said,) if isinstance(said, str) else tuple(said)
