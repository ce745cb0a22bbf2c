"""Writes OCI image archives: what `docker load` reads, the same bytes each time from the same layer."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
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
class Archive:
    """An archive that was written.

    Attributes:
        index: Digest of its index: names and content.
        image: Digest of the image's manifest: content only.
        diff_ids: Digests of its uncompressed layers.
        names: In full, registry included.
    """

    index: str
    image: str
    diff_ids: tuple[str, ...]
    names: tuple[str, ...]


def write(
    path: Path, recipe: ImageRecipe, architecture: str, created: int, write_layer: Callable[[BinaryIO], None]
) -> Archive:
    """Write an image of one layer to the archive `path` (OCI image layout 1.0 in a tar file).

    Args:
        path: File to make.
        recipe: Names and configuration.
        architecture: As Debian calls it.
        created: Seconds since 1970.
        write_layer: Called once with the stream that takes the layer.
    """
    go_architecture = _GO_ARCHITECTURES.get(architecture, architecture)
    platform = {"architecture": go_architecture, "os": "linux"}
    with open(path, "wb") as file:
        layer = _write_layer(file, created, write_layer)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            blobs = _Blobs(tar, created)
            config = blobs.add(_CONFIG, _config(recipe, platform, created, layer["digest"]))
            manifest = blobs.add(
                _MANIFEST,
                {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [layer]},
            )
            names = tuple(full_name(name) for name in recipe.names)
            index = msgspec.json.encode(
                {
                    "schemaVersion": 2,
                    "mediaType": _INDEX,
                    "manifests": [
                        {**manifest, "platform": platform, "annotations": _annotations(name)}
                        for name in names
                    ],
                }
            )
            blobs.write("index.json", index)
            blobs.write("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    return Archive(_sha256(index), manifest["digest"], (layer["digest"],), names)


def full_name(name: str) -> str:
    """Return an image's name with registry and tag, as engines store it."""
    repository, _, tag = name.partition(":")
    if "/" not in repository:
        repository = f"library/{repository}"
    return f"docker.io/{repository}:{tag or 'latest'}"


def _annotations(name: str) -> dict[str, str]:
    return {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}


def _config(recipe: ImageRecipe, platform: dict[str, str], created: int, diff_id: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **platform,
        "created": moment,
        "config": {"Env": list(recipe.env), "Cmd": list(recipe.command)},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": moment, "created_by": f"{recipe.name} from Debian packages"}],
    }


class _Measured(io.RawIOBase):
    """A stream that counts and digests what goes through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: Any, /) -> int:
        self._sha256.update(data)
        self._file.write(data)
        self.size += len(data)
        return len(data)

    def digest(self) -> str:
        return f"sha256:{self._sha256.hexdigest()}"


def _write_layer(file: BinaryIO, created: int, write_layer: Callable[[BinaryIO], None]) -> dict[str, Any]:
    """Write the layer as the first member and return its descriptor.

    Its name is its digest, known only at the end: the header is filled in then.
    """
    file.write(bytes(tarfile.BLOCKSIZE))
    measured = _Measured(file)
    write_layer(measured)  # type: ignore[arg-type]
    file.write(bytes(-measured.size % tarfile.BLOCKSIZE))
    end = file.tell()
    file.seek(0)
    file.write(_header(_blob(measured.digest()), measured.size, created).tobuf(tarfile.USTAR_FORMAT))
    file.seek(end)
    return {"mediaType": _LAYER, "digest": measured.digest(), "size": measured.size}


class _Blobs:
    """Adds members to an archive."""

    def __init__(self, tar: tarfile.TarFile, created: int) -> None:
        self._tar = tar
        self._created = created

    def add(self, media_type: str, value: dict[str, Any]) -> dict[str, Any]:
        """Add `value` under its digest and return its descriptor."""
        content = msgspec.json.encode(value)
        self.write(_blob(_sha256(content)), content)
        return {"mediaType": media_type, "digest": _sha256(content), "size": len(content)}

    def write(self, name: str, content: bytes) -> None:
        """Add a member called `name`."""
        self._tar.addfile(_header(name, len(content), self._created), io.BytesIO(content))


def _header(name: str, size: int, created: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, created, 0o644
    return info


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
