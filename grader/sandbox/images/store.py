"""Keeps what was built: complete or not at all, replaced in one step, removed once nothing uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from grader.errors import SandboxError, UnavailableError
from grader.settings import Settings

MEND = "grader images build"
_MANIFEST = "manifest.json"
_LOCK = ".lock"
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of one thing that was built.

    Attributes:
        name: ``rootfs-…``, ``packages``, ``layer-…``, ``image-…`` or ``golden``.
        recipe: Digest of what it was to be made of; another one means that it has to be made again.
        digest: Digest of what it is: the same digest, the same content.
        built: When, in UTC (ISO 8601).
        seconds: How long that took.
        size_bytes: Of its files, each hard link counted once; of an image, of its layers, which it shares.
        packages: Versions by name, of a root file system.
        tags: Full names, of images.
        diff_ids: Digests of uncompressed layers, of images.
        engine_version: Of the Docker Engine that wrote it.
    """

    name: str
    recipe: str
    digest: str
    built: str = ""
    seconds: float = 0.0
    size_bytes: int = 0
    packages: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    diff_ids: tuple[str, ...] = ()
    engine_version: str = ""


def folder(settings: Settings) -> Path:
    """Return where everything built is kept."""
    return settings.state_dir / "images"


@contextmanager
def locked(settings: Settings, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold the store for one build at a time and yield the locked descriptor.

    `waiting` is called first if another build holds it.
    """
    folder(settings).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder(settings) / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def place(settings: Settings, name: str, recipe: str) -> Path:
    """Return the directory of `name`, made of `recipe`, without reading anything in it.

    Raises:
        UnavailableError: It was never built, or of another recipe.
    """
    home = folder(settings)
    try:
        version = os.readlink(home / name)
    except OSError:
        raise UnavailableError(f"{name} was not built yet", MEND) from None
    if not version.startswith(f"{name}.{recipe[:_SHOWN]}."):
        raise UnavailableError(f"{name} was built from an older recipe", MEND)
    return home / version


def read(settings: Settings, name: str, recipe: str) -> Manifest:
    """Return the manifest of `name`, made of `recipe`.

    Raises:
        UnavailableError: It was never built, or of another recipe, or was damaged since.
    """
    return _manifest(place(settings, name, recipe))


def read_all(settings: Settings) -> list[Manifest]:
    """Return the manifests of everything in the store, by name."""
    home = folder(settings)
    links = sorted(path for path in home.glob("*") if path.is_symlink())
    return [_manifest(link) for link in links]


def _manifest(version: Path) -> Manifest:
    try:
        return msgspec.json.decode((version / _MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise UnavailableError(f"{version} is damaged: {error}", f"rm -r {version}; {MEND}") from error


def ensure(settings: Settings, name: str, recipe: str, make: Callable[[Path], Manifest]) -> Manifest:
    """Return the manifest of `name`, and call `make` with an empty directory first unless it is there.

    The store must be locked.
    """
    home = folder(settings)
    try:
        manifest = read(settings, name, recipe)
    except UnavailableError:
        manifest = _make(home, name, recipe, make)
    _remove_old(home, name, keep=os.readlink(home / name))
    return manifest


def _make(home: Path, name: str, recipe: str, make: Callable[[Path], Manifest]) -> Manifest:
    partial = home / f".{name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o755)
    started = time.monotonic()
    try:
        made = make(partial)
        manifest = replace(
            made,
            built=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 1),
            size_bytes=made.size_bytes or _size(partial),
        )
        (partial / _MANIFEST).write_bytes(msgspec.json.encode(manifest))
        version = home / f"{name}.{recipe[:_SHOWN]}.{manifest.digest.removeprefix('sha256:')[:_SHOWN]}"
        shutil.rmtree(version, ignore_errors=True)  # damaged, or it would have been found
        partial.rename(version)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _link(home / name, version.name)
    return manifest


def _link(link: Path, target: str) -> None:
    fresh = link.with_name(f".{link.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.rename(link)


def _remove_old(home: Path, name: str, keep: str) -> None:
    for version in home.glob(f"{name}.*"):
        if version.name != keep and not _mounted(version):
            shutil.rmtree(version)


def _mounted(version: Path) -> bool:
    """Return whether some process still has `version` mounted: a sandbox that was started before."""
    for table in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            if version.name in table.read_text(errors="replace"):
                return True
        except OSError:
            continue  # that process is gone, and its mounts with it
    return False


def _size(directory: Path) -> int:
    sizes = {}
    for path, _, files in os.walk(directory):
        for name in files:
            status = os.lstat(os.path.join(path, name))
            sizes[status.st_ino] = status.st_size
    return sum(sizes.values())


def clone(source: Settings, target: Settings) -> None:
    """Fill the store of `target` with everything in that of `source`, by hard links where they can be made.

    Both stores share the files then: nothing may write into either, which nothing does.

    Raises:
        SandboxError: Copying failed.
    """
    if folder(target).exists():
        return
    folder(target).parent.mkdir(parents=True, exist_ok=True)
    partial = folder(target).with_name(".images")
    with locked(source, lambda: None):
        for how in ("--link", "--reflink=auto"):  # the second across file systems
            shutil.rmtree(partial, ignore_errors=True)
            copied = subprocess.run(
                ["cp", "--archive", how, str(folder(source)), str(partial)],
                capture_output=True,
                text=True,
                check=False,
            )
            if copied.returncode == 0:
                break
        else:
            raise SandboxError(f"copying {folder(source)} failed: {copied.stderr.strip()}")
    (partial / _LOCK).unlink()  # each store has a lock of its own
    partial.rename(folder(target))
