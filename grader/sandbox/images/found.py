"""Finds what was built, and knows it by name and recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.errors import UnavailableError
from grader.sandbox.images import store
from grader.sandbox.images.digest import digest
from grader.sandbox.images.recipes import ENGINE, IMAGES, LAYOUT, ROOTS, ImageRecipe
from grader.sandbox.images.store import Manifest
from grader.settings import Settings

MADE = "made in"  # how the last step of each thing that is built begins

# Where things lie in their directories of the store.
ROOT = "root"
ARCHIVE = "image.tar"
DATA = "data"
GOLDEN = "golden"


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


def rootfs(settings: Settings, name: str) -> Path:
    """Return the root file system `name` (``base`` or ``engine``).

    Raises:
        UnavailableError: It was not built yet, or from an older recipe.
    """
    recipe = _root_digests().get(name)
    if recipe is None:
        raise UnavailableError(f"no recipe makes a root file system called {name}")
    return store.place(settings, root_name(name), recipe) / ROOT


def golden(settings: Settings) -> Golden:
    """Return the golden data root.

    Raises:
        UnavailableError: It was not built yet, or is older than what it is made from.
    """
    roots = {recipe.name: store.read(settings, root_name(recipe.name), recipe.digest()) for recipe in ROOTS}
    images = [
        store.read(settings, image_name(image.name), image_digest(image, roots[image.layer.root.name]))
        for image in IMAGES
    ]
    recipe = golden_digest(roots[ENGINE.name], images)
    manifest = store.read(settings, GOLDEN, recipe)
    return Golden(
        path=store.place(settings, GOLDEN, recipe) / DATA,
        tags=manifest.tags,
        base_diff_ids=frozenset(manifest.diff_ids),
        engine_version=manifest.engine_version,
    )


def listing(settings: Settings) -> list[Manifest]:
    """Return what was built, by name."""
    return store.read_all(settings)


def root_name(name: str) -> str:
    """Return what the root file system `name` is called in the store."""
    return f"rootfs-{name}"


def image_name(name: str) -> str:
    """Return what the image `name` is called in the store."""
    return f"image-{name}"


def image_digest(recipe: ImageRecipe, root: Manifest) -> str:
    """Return what changes whenever the image has to be made again from `root`."""
    return digest(recipe.digest(), root.digest)


def golden_digest(engine: Manifest, images: Sequence[Manifest]) -> str:
    """Return what changes whenever the golden data root has to be made again."""
    return digest(LAYOUT, engine.digest, [image.digest for image in images], [image.tags for image in images])


@cache
def _root_digests() -> dict[str, str]:
    return {recipe.name: recipe.digest() for recipe in ROOTS}
