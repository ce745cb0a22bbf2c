"""The image that an exercise brings along: built for its first answer, loaded for all further ones."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from grader.errors import ExerciseError
from grader.model import Exercise
from grader.observe import builds
from grader.sandbox.engine import Engine
from grader.sandbox.images import Golden
from grader.sandbox.images.archive import full_name, naming
from grader.sandbox.images.digest import digest

TAG: Final = "exercise:latest"
_SECONDS = 60.0
_MOST_BYTES = 256 << 20
_MANIFEST_BYTES = 1 << 20
_BLOBS = "/var/lib/docker/containerd/daemon/io.containerd.content.v1.content/blobs/sha256"
_log = logging.getLogger(__name__)


class ExerciseImages:
    """Keeps the images of exercises in `folder`; safe to use from many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def provide(self, engine: Engine, golden: Golden, exercise: Exercise) -> None:
        """Make the image of `exercise` available as `TAG`, if it has one.

        Args:
            engine: One that nobody else has used yet: what it has built is kept for others.
            golden: What the engine started from.
            exercise: Whose image is wanted.

        Raises:
            ExerciseError: The image cannot be built.
        """
        if exercise.image is None:
            return
        files = _files(exercise.image)
        kept = self._folder / f"{exercise.slug}.{_key(golden, files)}.tar"
        if _load(engine, kept):
            return
        built = builds.build_exercise(engine, files, TAG, _SECONDS)
        if not built.ok:
            raise ExerciseError(f"{exercise.image}: {built.output[-1_000:]}")
        archive = _archive(engine, golden)
        if archive is not None:
            self._keep(kept, archive)

    def _keep(self, path: Path, archive: bytes) -> None:
        """Write an archive, all of it or nothing, in place of what the exercise had before."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as name:
                whole = Path(name, path.name)
                whole.write_bytes(archive)
                os.replace(whole, path)
            for other in self._folder.glob(f"{path.name.partition('.')[0]}.*.tar"):
                if other != path:
                    other.unlink(missing_ok=True)
        except OSError as error:  # a full disk, say: the next answer builds it again
            _log.warning("an image of an exercise is not kept: %s", error)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _key(golden: Golden, files: Mapping[str, bytes]) -> str:
    """Return what changes whenever the image has to be built again."""
    contents = sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files.items())
    return digest(golden.engine_version, sorted(golden.tags), sorted(golden.base_diff_ids), contents)[:32]


def _load(engine: Engine, archive: Path) -> bool:
    """Load an archive; return whether there was one."""
    try:
        content = archive.read_bytes()
    except FileNotFoundError:
        return False
    output, status = engine.execute(
        ("docker", "load", "--quiet"), wall_seconds=_SECONDS, output_bytes=4_096, stdin=content
    )
    if status != 0:
        _log.warning("%s does not load: %s", archive, output.stderr.decode(errors="replace"))
        with suppress(OSError):
            archive.unlink()
    return status == 0


def _archive(engine: Engine, golden: Golden) -> bytes | None:
    """Return what the image adds to those that every engine has, as an OCI image layout in a tar file.

    `docker save` would take seconds to write the base's layers, too. Nothing is returned for an image of
    more than 256 MiB, or of a form that the builder does not give to images of one platform.
    """
    identity = str(engine.get(f"/images/{TAG}/json")["Id"])
    described = _read(engine, ("cat", f"{_BLOBS}/{_hexadecimal(identity)}"), _MANIFEST_BYTES)
    manifest = msgspec.json.decode(described or b"{}", type=dict[str, Any])
    if "layers" not in manifest:
        return None
    layers = [layer["digest"] for layer in manifest["layers"]]
    # The base's layers are not compressed: what their blobs and what their content is known by is the same.
    added = {identity, manifest["config"]["digest"], *layers} - golden.base_diff_ids
    names = sorted(_hexadecimal(blob) for blob in added)
    command = ("tar", "--create", "--transform", "s,^,blobs/sha256/,", "--directory", _BLOBS, *names)
    blobs = _read(engine, command, _MOST_BYTES)
    if blobs is None:
        return None
    descriptor = {
        "mediaType": manifest["mediaType"],
        "digest": identity,
        "size": len(described or b""),
        "annotations": naming(full_name(TAG)),
    }
    return _with_files(
        blobs,
        {
            "index.json": msgspec.json.encode({"schemaVersion": 2, "manifests": [descriptor]}),
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        },
    )


def _read(engine: Engine, command: tuple[str, ...], limit: int) -> bytes | None:
    output, status = engine.execute(command, wall_seconds=_SECONDS, output_bytes=limit)
    return output.stdout if status == 0 and not output.truncated else None


def _hexadecimal(name: str) -> str:
    return name.removeprefix("sha256:")


def _with_files(archive: bytes, files: Mapping[str, bytes]) -> bytes:
    extended = io.BytesIO(archive)
    with tarfile.open(fileobj=extended, mode="a:") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return extended.getvalue()
