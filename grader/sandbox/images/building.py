"""Builds what is missing, from packages to the golden data root."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grader.sandbox import kernel
from grader.sandbox.images import archive, data_root, debian, layer, mirror, packages, store, tree
from grader.sandbox.images.digest import digest
from grader.sandbox.images.found import (
    DATA,
    GOLDEN,
    LAYER,
    MADE,
    PACKAGES,
    ROOT,
    Built,
    golden_digest,
    image_digest,
    image_name,
    layer_name,
    made_digest,
    packages_digest,
    root_name,
    sources,
    with_packages,
)
from grader.sandbox.images.offered import IMAGES, layers
from grader.sandbox.images.recipes import BASE, ENGINE, ROOTS, ImageRecipe, Layer, RootRecipe, Tree
from grader.sandbox.images.store import Manifest
from grader.settings import Settings

_NEEDED = "needed.json"
_FILES = "files"
_ARCHIVE = "images.tar"
_SOURCE = "from Debian packages"


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
            base = roots[BASE.name].result()
            fetched = _fetch_packages(run, base)
            epoch = layer.newest(store.place(settings, base.name, base.recipe) / ROOT)
            made: dict[str, Manifest] = {}
            for recipe in sorted(layers(), key=_needs_engine):
                if _needs_engine(recipe):
                    roots[ENGINE.name].result()
                done = {name: future.result() for name, future in roots.items() if future.done()}
                made[recipe.name] = _build_layer(run, recipe, sources(recipe, done, fetched), epoch)
        found = {name: future.result() for name, future in roots.items()}
        described = [_describe(run, recipe, made, epoch) for recipe in IMAGES]
        images = [
            _build_image(run, recipe, made, image) for recipe, image in zip(IMAGES, described, strict=True)
        ]
        golden = _build_golden(run, found[ENGINE.name], images, described, epoch, engine)
        manifests = (*found.values(), fetched, *made.values(), *images, golden)
    return Built(manifests, tuple(run.made), time.monotonic() - started)


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


def _fetch_packages(run: _Build, base: Manifest) -> Manifest:
    wanted = packages_digest(base)

    def make(directory: Path) -> Manifest:
        needed = packages.fetch(
            with_packages(),
            mirror.find(),
            store.place(run.settings, base.name, base.recipe) / ROOT,
            directory / PACKAGES,
            lambda step: run.progress(f"{PACKAGES}: {step}"),
        )
        (directory / _NEEDED).write_bytes(msgspec.json.encode(needed))
        versions = dict(
            file.removesuffix(".deb").split("_")[:2] for files in needed.values() for file in files
        )
        return Manifest(
            name=PACKAGES,
            recipe=wanted,
            digest=f"sha256:{digest(wanted, needed)}",
            packages=dict(sorted(versions.items())),
        )

    return run.ensure(PACKAGES, wanted, make)


def _needs_engine(recipe: Layer) -> bool:
    return isinstance(recipe, Tree) and bool(recipe.copied)


def _build_layer(run: _Build, recipe: Layer, made_from: Sequence[Manifest], epoch: int) -> Manifest:
    wanted = made_digest(recipe, made_from)
    places = {source.name: store.place(run.settings, source.name, source.recipe) for source in made_from}
    below = places[root_name(recipe.root.name)] / ROOT

    def make(directory: Path) -> Manifest:
        files = directory / _FILES
        if isinstance(recipe, Tree):
            files.mkdir()
            tree.lay_out(
                recipe,
                _packages_of(recipe, places),
                below,
                places.get(root_name(ENGINE.name), below) / ROOT,
                epoch,
                files,
            )
        with open(directory / LAYER, "wb") as file:
            measured = archive.Measured(file)
            layer.write(recipe, files if isinstance(recipe, Tree) else below, measured)  # type: ignore[arg-type]
        shutil.rmtree(files, ignore_errors=True)
        return Manifest(
            name=layer_name(recipe.name),
            recipe=wanted,
            digest=measured.digest(),
            diff_ids=(measured.digest(),),
        )

    return run.ensure(layer_name(recipe.name), wanted, make)


def _packages_of(recipe: Tree, places: Mapping[str, Path]) -> list[Path]:
    place = places.get(PACKAGES)
    if place is None:
        return []
    needed = msgspec.json.decode((place / _NEEDED).read_bytes(), type=dict[str, list[str]])
    return [place / PACKAGES / file for file in needed[recipe.name]]


def _describe(run: _Build, recipe: ImageRecipe, made: Mapping[str, Manifest], epoch: int) -> archive.Image:
    files = [
        archive.LayerFile(
            store.place(run.settings, made[part.name].name, made[part.name].recipe) / LAYER,
            made[part.name].digest,
            f"{part.name}: {_SOURCE}",
        )
        for part in recipe.layers
    ]
    return archive.describe(recipe, debian.architecture(), epoch, files)


def _build_image(
    run: _Build, recipe: ImageRecipe, made: Mapping[str, Manifest], image: archive.Image
) -> Manifest:
    layers_of = [made[part.name] for part in recipe.layers]
    wanted = image_digest(recipe, layers_of)

    def make(_: Path) -> Manifest:
        return Manifest(
            name=image_name(recipe.name),
            recipe=wanted,
            digest=image.digest,
            size_bytes=sum(part.size_bytes for part in layers_of),
            tags=recipe.names,
            diff_ids=tuple(part.digest for part in layers_of),
        )

    return run.ensure(image_name(recipe.name), wanted, make)


def _build_golden(
    run: _Build,
    root: Manifest,
    images: Sequence[Manifest],
    described: Sequence[archive.Image],
    epoch: int,
    engine: data_root.Engine,
) -> Manifest:
    wanted = golden_digest(root, images)

    def make(directory: Path) -> Manifest:
        data, loaded = directory / DATA, directory / _ARCHIVE
        data.mkdir()
        archive.write(loaded, described, epoch)
        version = data_root.make(
            engine, store.place(run.settings, root.name, root.recipe) / ROOT, data, [loaded]
        )
        loaded.unlink()
        return Manifest(
            name=GOLDEN,
            recipe=wanted,
            digest=f"sha256:{digest(wanted, version)}",
            tags=tuple(tag for image in images for tag in image.tags),
            diff_ids=tuple(dict.fromkeys(diff_id for image in images for diff_id in image.diff_ids)),
            engine_version=version,
        )

    return run.ensure(GOLDEN, wanted, make)
