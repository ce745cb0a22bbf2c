"""What the layers of an image add up to: pure functions over evidence, for checks.

Paths are absolute, as in `Layer.files`. Layers of our own base images list no entries, so what came with
these is not known here; and of a layer that was cut (`Layer.truncated`) only what is listed counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from grader.evidence import Image, Layer, LayerFile


def merge(image: Image) -> Mapping[str, LayerFile]:
    """Return what the layers leave in the end, by path, in the order of paths."""
    return dict(sorted((file.path, file) for _, file, seen in _entries(image) if seen))


def present(image: Image, path: str) -> bool:
    """Say whether a file or directory of the answer's own layers is there in the end."""
    wanted = f"/{path.strip('/')}"
    return any(seen and file.path == wanted for _, file, seen in _entries(image))


def deleted(image: Image, path: str) -> bool:
    """Say whether a layer deletes `path`, our base image's or the answer's own, and none adds it again."""
    wanted = f"/{path.strip('/')}"
    covers = _Covers()
    for layer in reversed(image.layers):
        if any(file.path == wanted for file in layer.files):
            return False
        covers.add(layer)
        if covers.hide(wanted):
            return True
    return False


def wasted_bytes(image: Image) -> int:
    """Return how many bytes of files the layers carry though a later layer deletes or replaces them.

    A file with several names (hard links) is wasted when none of them is left.
    """
    return sum(wasted_by_layer(image))


def wasted_by_layer(image: Image) -> tuple[int, ...]:
    """Return the same for each layer alone, lowest first."""
    sizes: dict[tuple[int, str], int] = {}
    kept: set[tuple[int, str]] = set()
    for number, file, seen in _entries(image):
        owner = file.path
        if file.kind == "hardlink":
            owner = f"/{file.target.strip('/')}"
        elif file.kind == "file":
            sizes[number, owner] = file.size
        if seen:
            kept.add((number, owner))
    wasted = [0] * len(image.layers)
    for content, size in sizes.items():
        if content not in kept:
            wasted[content[0]] += size
    return tuple(wasted)


def _entries(image: Image) -> Iterator[tuple[int, LayerFile, bool]]:
    """Yield every entry with its layer's number and whether it is there in the end, last layer first."""
    taken: set[str] = set()
    covers = _Covers()
    for number, layer in reversed(list(enumerate(image.layers))):
        for file in layer.files:
            yield number, file, file.path not in taken and not covers.hide(file.path)
        taken.update(file.path for file in layer.files)
        covers.add(layer)


@dataclass(slots=True)
class _Covers:
    """What the later layers hide of the earlier ones.

    Attributes:
        gone: Paths that are deleted, with everything below.
        closed: Paths below which everything is hidden: opaque directories, and what is no directory.
    """

    gone: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)

    def add(self, layer: Layer) -> None:
        self.gone.update(layer.whiteouts)
        self.closed.update(layer.opaque)
        self.closed.update(file.path for file in layer.files if file.kind != "directory")

    def hide(self, path: str) -> bool:
        return path in self.gone or any(
            above in self.gone or above in self.closed for above in _parents(path)
        )


def _parents(path: str) -> Iterator[str]:
    at = path.rfind("/")
    while at > 0:
        yield path[:at]
        at = path.rfind("/", 0, at)
    if path != "/":
        yield "/"
