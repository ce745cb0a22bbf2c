"""Builds what is missing, from packages to the golden data root, and finds what was built."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from grader.errors import UnavailableError
from grader.sandbox import kernel
from grader.sandbox.images import archive, data_root, debian, layer, mirror, store
from grader.sandbox.images.digest import digest
from grader.sandbox.images.recipes import ENGINE, IMAGES, LAYOUT, ROOTS, ImageRecipe, RootRecipe
from grader.sandbox.images.store import Manifest
from grader.settings import Settings

MADE = "made in"  # how the last step of each thing that is built begins

_ROOT = "root"
_ARCHIVE = "image.tar"
_DATA = "data"
_GOLDEN = "golden"


@dataclass(frozen=True, slots=True)
class Built:
    """What a build found or made.

    Attributes:
        manifests: Of everything that there is now.
        made: Names of what was missing before.
        seconds: How long it took.
    """

    manifests: tuple[Manifest, ...]
    made: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Golden:
    """The data root that every engine starts from.

    Attributes:
        path: Directory; to be mounted read-only, with its owners mapped.
        tags: What answers may call the images in it.
        base_diff_ids: Digests of the uncompressed layers of those images.
        engine_version: Of the Docker Engine that made it, and that runs in sandboxes.
    """

    path: Path
    tags: tuple[str, ...]
    base_diff_ids: frozenset[str]
    engine_version: str


@dataclass(frozen=True, slots=True)
class _Build:
    """One run of `build`: what its steps share."""

    settings: Settings
    lock: int
    progress: Callable[[str], None]
    made: list[str] = field(default_factory=list)

    def ensure(self, name: str, recipe: str, make: Callable[[Path], Manifest]) -> Manifest:
        """Return the manifest of `name`, after making it unless it is there."""

        def announced(directory: Path) -> Manifest:
            started = time.monotonic()
            self.progress(f"{name}: started")
            manifest = make(directory)
            self.made.append(name)
            self.progress(f"{name}: {MADE} {time.monotonic() - started:.1f} s")
            return manifest

        return store.ensure(self.settings, name, recipe, announced)


def build(
    settings: Settings,
    progress: Callable[[str], None],
    *,
    engine: data_root.Engine = data_root.unshared_engine,
) -> Built:
    """Build whatever is missing of root file systems, images and the golden data root.

    Args:
        settings: Where they are kept.
        progress: Told what is being done, from several threads.
        engine: Runs the engine that loads the images.

    Raises:
        UnavailableError: A tool, a right or a mirror is missing.
        SandboxError: The engine failed.
    """
    started = time.monotonic()
    # Mounts made on the way end with this process, however it ends.
    kernel.prepare_process()
    with _readable_by_all(), store.locked(settings, lambda: progress("waiting for another build")) as lock:
        run = _Build(settings, lock, progress)
        with ThreadPoolExecutor(len(ROOTS)) as pool:
            roots = {recipe.name: pool.submit(_build_root, run, recipe) for recipe in ROOTS}
            images = [_build_image(run, recipe, roots[recipe.layer.root.name].result()) for recipe in IMAGES]
            manifests = [future.result() for future in roots.values()]
        manifests += images
        manifests.append(_build_golden(run, roots[ENGINE.name].result(), images, engine))
    return Built(tuple(manifests), tuple(run.made), time.monotonic() - started)


@contextmanager
def _readable_by_all() -> Iterator[None]:
    """Let sandboxes, whose users are nobody to the host, read what is made, whatever the umask was."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def rootfs(settings: Settings, name: str) -> Path:
    """Return the root file system `name` (``base`` or ``engine``).

    Raises:
        UnavailableError: It was not built yet, or from an older recipe.
    """
    recipe = _root_digests().get(name)
    if recipe is None:
        raise UnavailableError(f"no recipe makes a root file system called {name}")
    return store.place(settings, _root_name(name), recipe) / _ROOT


def golden(settings: Settings) -> Golden:
    """Return the golden data root.

    Raises:
        UnavailableError: It was not built yet, or is older than what it is made from.
    """
    roots = {recipe.name: store.read(settings, _root_name(recipe.name), recipe.digest()) for recipe in ROOTS}
    images = [
        store.read(settings, _image_name(image.name), _image_digest(image, roots[image.layer.root.name]))
        for image in IMAGES
    ]
    recipe = _golden_digest(roots[ENGINE.name], images)
    manifest = store.read(settings, _GOLDEN, recipe)
    return Golden(
        path=store.place(settings, _GOLDEN, recipe) / _DATA,
        tags=manifest.tags,
        base_diff_ids=frozenset(manifest.diff_ids),
        engine_version=manifest.engine_version,
    )


def listing(settings: Settings) -> list[Manifest]:
    """Return what was built, by name."""
    return store.read_all(settings)


def _build_root(run: _Build, recipe: RootRecipe) -> Manifest:
    name = _root_name(recipe.name)

    def make(directory: Path) -> Manifest:
        versions = debian.make(
            recipe, mirror.find(), directory / _ROOT, run.lock, lambda step: run.progress(f"{name}: {step}")
        )
        return Manifest(
            name=name,
            recipe=recipe.digest(),
            digest=f"sha256:{digest(recipe.digest(), versions)}",
            packages=versions,
        )

    return run.ensure(name, recipe.digest(), make)


def _build_image(run: _Build, recipe: ImageRecipe, root: Manifest) -> Manifest:
    wanted = _image_digest(recipe, root)

    def make(directory: Path) -> Manifest:
        path = store.place(run.settings, root.name, root.recipe) / _ROOT
        written = archive.write(
            directory / _ARCHIVE,
            recipe,
            debian.architecture(),
            layer.newest(path),
            partial(layer.write, recipe.layer, path),
        )
        return Manifest(
            name=_image_name(recipe.name),
            recipe=wanted,
            digest=written.image,
            tags=recipe.names,
            diff_ids=written.diff_ids,
        )

    return run.ensure(_image_name(recipe.name), wanted, make)


def _build_golden(
    run: _Build, root: Manifest, images: Sequence[Manifest], engine: data_root.Engine
) -> Manifest:
    wanted = _golden_digest(root, images)

    def make(directory: Path) -> Manifest:
        data = directory / _DATA
        data.mkdir()
        version = data_root.make(
            engine,
            store.place(run.settings, root.name, root.recipe) / _ROOT,
            data,
            [store.place(run.settings, image.name, image.recipe) / _ARCHIVE for image in images],
        )
        return Manifest(
            name=_GOLDEN,
            recipe=wanted,
            digest=f"sha256:{digest(wanted, version)}",
            tags=tuple(tag for image in images for tag in image.tags),
            diff_ids=tuple(diff_id for image in images for diff_id in image.diff_ids),
            engine_version=version,
        )

    return run.ensure(_GOLDEN, wanted, make)


@cache
def _root_digests() -> dict[str, str]:
    return {recipe.name: recipe.digest() for recipe in ROOTS}


def _root_name(name: str) -> str:
    return f"rootfs-{name}"


def _image_name(name: str) -> str:
    return f"image-{name}"


def _image_digest(recipe: ImageRecipe, root: Manifest) -> str:
    return digest(recipe.digest(), root.digest)


def _golden_digest(engine: Manifest, images: Sequence[Manifest]) -> str:
    return digest(LAYOUT, engine.digest, [image.digest for image in images], [image.tags for image in images])
