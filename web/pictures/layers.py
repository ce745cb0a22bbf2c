"""Draws the layers of images as bars: how large each is, what it added and removed, and what it wastes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grader.evidence import Evidence, HistoryStep, Image, Layer
from grader.image_files import wasted_by_layer
from web.language import gettext, grouped, ngettext
from web.pictures.scale import Scale, bounded
from web.pictures.words import short, short_path, size

_MOST_IMAGES: Final = 3
_MOST_LAYERS: Final = 16
_MOST_PATHS: Final = 3
_SHELL: Final = "RUN /bin/sh -c "


@dataclass(frozen=True, slots=True)
class Bar:
    """One layer.

    Attributes:
        width: Of the whole bar, in hundredths of the largest one; 0 where the size is not known, as of a
            base image's layers.
        wasted_width: Of the part that a later layer deletes or replaces, at the bar's end; likewise.
        said: Size and changes in few words.
        added: Paths that it holds, the first few, in words; likewise `removed`.
    """

    width: float
    wasted_width: float
    base: bool
    step: str
    said: str
    size: str
    wasted: str
    added: str
    removed: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The layers of one image, lowest first."""

    name: str
    summary: str
    bars: tuple[Bar, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Layers:
    """The images whose layers were asked for."""

    stacks: tuple[Stack, ...]
    left_out: int


def draw_layers(evidence: Evidence) -> Layers | None:
    """Draw the layers of the answer's images, or nothing where nobody looked into one."""
    engine = evidence.sections.engine
    seen = [image for image in (engine.images if engine else ()) if image.layers]
    stacks = tuple(_stack(image) for image in seen[:_MOST_IMAGES])
    return Layers(stacks, len(seen) - len(stacks)) if stacks else None


def _stack(image: Image) -> Stack:
    wasted = wasted_by_layer(image)
    places = _shown(image.layers, wasted)
    widest = max(1, *(image.layers[place].size for place in places))
    scale = Scale(0.0, bounded(widest), 0.0, 100.0)
    steps = _steps(image.layers, image.history)
    name = short(", ".join(image.tags[:3]) or image.id[:19], 60)
    own = [layer for layer in image.layers if not layer.base]
    return Stack(
        name=name,
        summary=ngettext(
            "Image %(name)s: %(num)s layer, %(own)s above its base with %(size)s, "
            "of which %(wasted)s is wasted.",
            "Image %(name)s: %(num)s layers, %(own)s above its base with %(size)s, of which %(wasted)s is "
            "wasted.",
            len(image.layers),
            name=name,
            own=len(own),
            size=size(sum(layer.size for layer in own)),
            wasted=size(sum(wasted)),
        ),
        bars=tuple(_bar(image.layers[place], wasted[place], steps[place], scale) for place in places),
        left_out=len(image.layers) - len(places),
    )


def _shown(found: Sequence[Layer], wasted: Sequence[int]) -> list[int]:
    """Return which layers are shown: the answer's own before the base image's, the large ones first."""
    weight = sorted(
        range(len(found)), key=lambda place: (found[place].base, -wasted[place], -found[place].size, place)
    )
    return sorted(weight[:_MOST_LAYERS])


def _steps(found: Sequence[Layer], history: Sequence[HistoryStep]) -> list[str]:
    """Return what made each layer; history and layers are counted separately, and need not agree."""
    made = [step.created_by for step in history if not step.empty]
    return made if len(made) == len(found) else [""] * len(found)


def _bar(layer: Layer, wasted: int, step: str, scale: Scale) -> Bar:
    files = [file.path for file in layer.files if file.kind != "directory"]
    removed = [*layer.whiteouts, *(f"{path}/*" for path in layer.opaque)]
    width = max(scale.at(layer.size), 0.5 if layer.size else 0.0)
    unknown = layer.base and not layer.size
    return Bar(
        width=width,
        wasted_width=round(min(width, scale.at(wasted) if wasted < layer.size else width), 1)
        if wasted
        else 0.0,
        base=layer.base,
        step=short(step.removesuffix(" # buildkit").replace(_SHELL, "RUN ", 1), 72)
        or short(layer.diff_id, 19),
        said=gettext("came with the base image") if unknown else _said(layer, len(files), len(removed)),
        size=gettext("not known") if unknown else size(layer.size),
        wasted=size(wasted) if wasted else "",
        added=gettext("not known") if layer.base else _listed(files, truncated=layer.truncated),
        removed=_listed(removed),
    )


def _said(layer: Layer, files: int, removed: int) -> str:
    if layer.base:
        return size(layer.size)
    added = f"{grouped(files)}+" if layer.truncated else grouped(files)
    return gettext(
        "%(size)s, adds %(added)s, removes %(removed)s",
        size=size(layer.size),
        added=added,
        removed=grouped(removed),
    )


def _listed(paths: Sequence[str], *, truncated: bool = False) -> str:
    if not paths:
        return gettext("nothing")
    listed = ", ".join(short_path(path, 40) for path in paths[:_MOST_PATHS])
    further = len(paths) - _MOST_PATHS
    if truncated:
        return ngettext(
            "%(paths)s and more than %(num)s other",
            "%(paths)s and more than %(num)s others",
            max(further, 0),
            paths=listed,
        )
    if further <= 0:
        return listed
    return ngettext("%(paths)s and %(num)s other", "%(paths)s and %(num)s others", further, paths=listed)
