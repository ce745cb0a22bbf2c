"""Builds what is missing, from packages to the golden data root."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from grader.sandbox import kernel
from grader.sandbox.images import archive, data_root, debian, layer, mirror, store
from grader.sandbox.images.digest import digest
from grader.sandbox.images.found import (
    ARCHIVE,
    DATA,
    GOLDEN,
    MADE,
    ROOT,
    Built,
    golden_digest,
    image_digest,
    image_name,
    root_name,
)
from grader.sandbox.images.recipes import ENGINE, IMAGES, ROOTS, ImageRecipe, RootRecipe
from grader.sandbox.images.store import Manifest
from grader.settings import Settings


@dataclass(frozen=True, slots=True)
class _Build:
    """One run of `build_missing`: what its steps share."""

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


def build_missing(
    settings: Settings,
    progress: Callable[[str], None],
    *,
    engine: data_root.Engine = data_root.unshared_engine,
) -> Built:
    """Do what `grader.sandbox.images.build` says, with `engine` to run the one that loads the images."""
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


def _build_root(run: _Build, recipe: RootRecipe) -> Manifest:
    name = root_name(recipe.name)

    def make(directory: Path) -> Manifest:
        versions = debian.make(
            recipe, mirror.find(), directory / ROOT, run.lock, lambda step: run.progress(f"{name}: {step}")
        )
        return Manifest(
            name=name,
            recipe=recipe.digest(),
            digest=f"sha256:{digest(recipe.digest(), versions)}",
            packages=versions,
        )

    return run.ensure(name, recipe.digest(), make)


def _build_image(run: _Build, recipe: ImageRecipe, root: Manifest) -> Manifest:
    wanted = image_digest(recipe, root)

    def make(directory: Path) -> Manifest:
        path = store.place(run.settings, root.name, root.recipe) / ROOT
        written = archive.write(
            directory / ARCHIVE,
            recipe,
            debian.architecture(),
            layer.newest(path),
            partial(layer.write, recipe.layer, path),
        )
        return Manifest(
            name=image_name(recipe.name),
            recipe=wanted,
            digest=written.image,
            tags=recipe.names,
            diff_ids=written.diff_ids,
        )

    return run.ensure(image_name(recipe.name), wanted, make)


def _build_golden(
    run: _Build, root: Manifest, images: Sequence[Manifest], engine: data_root.Engine
) -> Manifest:
    wanted = golden_digest(root, images)

    def make(directory: Path) -> Manifest:
        data = directory / DATA
        data.mkdir()
        version = data_root.make(
            engine,
            store.place(run.settings, root.name, root.recipe) / ROOT,
            data,
            [store.place(run.settings, image.name, image.recipe) / ARCHIVE for image in images],
        )
        return Manifest(
            name=GOLDEN,
            recipe=wanted,
            digest=f"sha256:{digest(wanted, version)}",
            tags=tuple(tag for image in images for tag in image.tags),
            diff_ids=tuple(diff_id for image in images for diff_id in image.diff_ids),
            engine_version=version,
        )

    return run.ensure(GOLDEN, wanted, make)
