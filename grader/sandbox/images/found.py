"""Finds what was built, and knows it by name and recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.errors import UnavailableError
from grader.sandbox.images import store
from grader.sandbox.images.digest import digest
from grader.sandbox.images.offered import IMAGES, layers
from grader.sandbox.images.recipes import (
    BASE,
    ENGINE,
    LAYOUT,
    ROOTS,
    SUITE,
    ImageRecipe,
    Layer,
    Tree,
    layer_digest,
)
from grader.sandbox.images.store import Manifest
from grader.settings import Settings

MADE = "made in"  # how the last step of each thing that is built begins

# Where things lie in their directories of the store.
ROOT = "root"
LAYER = "layer.tar"
PACKAGES = "packages"
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
    packages = store.read(settings, PACKAGES, packages_digest(roots[BASE.name]))
    made = {
        layer.name: store.read(
            settings, layer_name(layer.name), made_digest(layer, sources(layer, roots, packages))
        )
        for layer in layers()
    }
    images = [
        store.read(
            settings,
            image_name(image.name),
            image_digest(image, [made[layer.name] for layer in image.layers]),
        )
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


def layer_name(name: str) -> str:
    """Return what the layer `name` is called in the store."""
    return f"layer-{name}"


def with_packages() -> tuple[Tree, ...]:
    """Return the layers that need packages which no root file system holds."""
    return tuple(
        layer for layer in layers() if isinstance(layer, Tree) and (layer.packages or layer.repository)
    )


def packages_digest(base: Manifest) -> str:
    """Return what changes whenever packages have to be fetched again: what is wanted beyond `base`."""
    wanted = [
        (tree.name, tree.granted, tree.repository.packages if tree.repository else tree.packages)
        for tree in with_packages()
    ]
    return digest(LAYOUT, SUITE, base.digest, wanted)


def sources(layer: Layer, roots: Mapping[str, Manifest], packages: Manifest) -> list[Manifest]:
    """Return what `layer` is made from."""
    found = [roots[layer.root.name]]
    if isinstance(layer, Tree):
        found += [packages] if layer.packages or layer.repository else []
        found += [roots[ENGINE.name]] if layer.copied else []
    return found


def made_digest(layer: Layer, made_from: Sequence[Manifest]) -> str:
    """Return what changes whenever `layer` has to be made again."""
    return digest(layer_digest(layer), [source.digest for source in made_from])


def image_digest(recipe: ImageRecipe, made: Sequence[Manifest]) -> str:
    """Return what changes whenever the image has to be made again from these layers."""
    return digest(recipe.digest(), [layer.digest for layer in made])


def golden_digest(engine: Manifest, images: Sequence[Manifest]) -> str:
    """Return what changes whenever the golden data root has to be made again."""
    return digest(LAYOUT, engine.digest, [image.digest for image in images], [image.tags for image in images])


@cache
def _root_digests() -> dict[str, str]:
    return {recipe.name: recipe.digest() for recipe in ROOTS}
