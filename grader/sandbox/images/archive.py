"""Writes OCI image archives: what `docker load` reads, the same bytes each time from the same layers."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from grader.sandbox.images.recipes import ImageRecipe

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
# Not compressed: loads fastest, and its digest does not depend on a compressor's version.
_LAYER = "application/vnd.oci.image.layer.v1.tar"

# Debian's names of architectures where Go, and with it every engine, has another.
_GO_ARCHITECTURES = {"i386": "386", "armhf": "arm", "ppc64el": "ppc64le", "mips64el": "mips64le"}


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A layer that was written to a file.

    Attributes:
        path: An uncompressed tar file.
        digest: Of its content.
        created_by: What it is made of, for the image's history.
    """

    path: Path
    digest: str
    created_by: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image, less the content of its layers.

    Attributes:
        names: In full, registry included.
        digest: Digest of its manifest: content only.
        manifest: What it consists of (OCI image specification, image manifest).
        config: What its manifest calls its configuration.
        layers: Its layers, from the lowest on.
        platform: For what it is.
    """

    names: tuple[str, ...]
    digest: str
    manifest: bytes
    config: bytes
    layers: tuple[LayerFile, ...]
    platform: dict[str, str]


def describe(recipe: ImageRecipe, architecture: str, created: int, layers: Sequence[LayerFile]) -> Image:
    """Return the image that `recipe` makes of `layers`.

    Args:
        recipe: Names and configuration.
        architecture: As Debian calls it.
        created: Seconds since 1970.
        layers: From the lowest on.
    """
    platform = {"architecture": _GO_ARCHITECTURES.get(architecture, architecture), "os": "linux"}
    config = msgspec.json.encode(_config(recipe, platform, created, layers))
    manifest = msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [
                {"mediaType": _LAYER, "digest": layer.digest, "size": layer.path.stat().st_size}
                for layer in layers
            ],
        }
    )
    names = tuple(full_name(name) for name in recipe.names)
    return Image(names, sha256(manifest), manifest, config, tuple(layers), platform)


def write(path: Path, images: Sequence[Image], created: int) -> None:
    """Write `images` to the archive `path` (OCI image layout 1.0 in a tar file), each layer once."""
    index = msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": _INDEX,
            "manifests": [
                {
                    **_descriptor(_MANIFEST, image.manifest),
                    "platform": image.platform,
                    "annotations": naming(name),
                }
                for image in images
                for name in image.names
            ],
        }
    )
    layers = {layer.digest: layer.path for image in images for layer in image.layers}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for digest, file in layers.items():
            with open(file, "rb") as content:
                tar.addfile(_header(_blob(digest), file.stat().st_size, created), content)
        for image in images:
            for blob in (image.config, image.manifest):
                _add(tar, _blob(sha256(blob)), blob, created)
        _add(tar, "index.json", index, created)
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', created)


def full_name(name: str) -> str:
    """Return an image's name with registry and tag, as engines store it."""
    repository, _, tag = name.partition(":")
    if "/" not in repository:
        repository = f"library/{repository}"
    return f"docker.io/{repository}:{tag or 'latest'}"


def naming(name: str) -> dict[str, str]:
    """Return what tells an engine to call a manifest of an archive by its full name."""
    return {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}


def _config(
    recipe: ImageRecipe, platform: dict[str, str], created: int, layers: Sequence[LayerFile]
) -> dict[str, Any]:
    moment = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **platform,
        "created": moment,
        "config": {"Env": list(recipe.env), "Cmd": list(recipe.command), **recipe.settings},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        "history": [{"created": moment, "created_by": layer.created_by} for layer in layers],
    }


class Measured(io.RawIOBase):
    """A stream to `file` that digests what goes through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._size = 0

    def writable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._size

    def write(self, data: Any, /) -> int:  # noqa: D102
        self._sha256.update(data)
        self._file.write(data)
        self._size += len(data)
        return len(data)

    def digest(self) -> str:
        """Return the digest of all that was written."""
        return f"sha256:{self._sha256.hexdigest()}"


def _add(tar: tarfile.TarFile, name: str, content: bytes, created: int) -> None:
    tar.addfile(_header(name, len(content), created), io.BytesIO(content))


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def _header(name: str, size: int, created: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, created, 0o644
    return info


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def sha256(content: bytes) -> str:
    """Return the digest of `content`, as OCI writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
