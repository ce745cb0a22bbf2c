"""Builds what is missing, from packages to the engine's images, and finds what was built."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.errors import UnavailableError
from grader.sandbox.images import debian, mirror, recipes, store
from grader.sandbox.images.digest import digest
from grader.sandbox.images.recipes import ROOTS, RootRecipe
from grader.sandbox.images.store import Manifest
from grader.settings import Settings

Progress = Callable[[str], None]
_ROOT = "root"


@cache
def _recipe_digests() -> dict[str, str]:
    return {recipe.name: recipe.digest() for recipe in ROOTS}


def rootfs(settings: Settings, name: str) -> Path:
    """Return the root file system `name` (``base`` or ``engine``).

    Raises:
        UnavailableError: It was not built yet, or of an older recipe.
    """
    recipe = _recipe_digests().get(name)
    if recipe is None:
        raise UnavailableError(f"no recipe makes a root file system called {name}")
    return store.place(settings, f"rootfs-{name}", recipe) / _ROOT


def build(settings: Settings, progress: Progress) -> list[Manifest]:
    with store.locked(settings, lambda: progress("waiting for another build")) as lock:
        with ThreadPoolExecutor(len(ROOTS)) as pool:
            return list(pool.map(lambda recipe: _build_root(settings, recipe, lock, progress), ROOTS))


def _build_root(settings: Settings, recipe: RootRecipe, lock: int, progress: Progress) -> Manifest:
    def make(directory: Path) -> Manifest:
        versions = debian.make(recipe, mirror.find(), directory / _ROOT, lock, progress)
        return Manifest(
            name=f"rootfs-{recipe.name}",
            recipe=recipe.digest(),
            digest=f"sha256:{digest(recipe.digest(), versions)}",
            packages=versions,
        )

    return store.ensure(settings, f"rootfs-{recipe.name}", recipe.digest(), make)
