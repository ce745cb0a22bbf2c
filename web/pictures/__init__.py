"""Draws the evidence of one submission as pictures: values in, values out; a template makes SVG of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grader.errors import BundleError
from grader.evidence import Run, from_json
from web.language import gettext
from web.pictures.events import TimeLine, draw_events
from web.pictures.layers import Layers, draw_layers
from web.pictures.memory import Memory, draw_memory
from web.pictures.processes import Tree, draw_tree

__all__ = ["Pictures", "draw"]

_LARGEST: Final = 16 << 20  # reading more would hold the page up


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the evidence gives to see; a picture without evidence is ``None``.

    Attributes:
        output: How the answer ran, and what it printed.
        trouble: Why there are none although there is evidence; else empty.
    """

    memory: Memory | None = None
    tree: Tree | None = None
    layers: Layers | None = None
    events: TimeLine | None = None
    output: Run | None = None
    trouble: str = ""

    def __bool__(self) -> bool:
        """Say whether there is anything to show."""
        return any((self.memory, self.tree, self.layers, self.events, self.output, self.trouble))


def draw(data: bytes) -> Pictures:
    """Draw evidence from its JSON."""
    if len(data) > _LARGEST:
        return Pictures(trouble=gettext("There is too much evidence to draw it here."))
    try:
        evidence = from_json(data)
    except BundleError:
        return Pictures(trouble=gettext("The evidence was written by another version and cannot be drawn."))
    return Pictures(
        memory=draw_memory(evidence),
        tree=draw_tree(evidence),
        layers=draw_layers(evidence),
        events=draw_events(evidence),
        output=evidence.sections.run,
    )
