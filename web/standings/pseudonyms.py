"""Names for a scoreboard that shows none: the same for a participant at every look, and telling nothing."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from worker.workshops import Workshop

_ANIMALS: Final = (
    "Badger Beaver Bison Camel Crane Dolphin Eagle Falcon Ferret Finch Fox Gecko Goose Hare Hawk Heron "
    "Horse Ibex Jackdaw Koala Lark Lemur Lynx Magpie Marten Mole Moose Newt Otter Owl Panda Pelican "
    "Penguin Puffin Quail Rabbit Raven Robin Salmon Seal Shrew Sparrow Squirrel Stork Swan Tapir Toad Trout "
    "Turtle Vole Walrus Wasp Weasel Whale Wolf Wombat Woodcock Wren Yak Zebra"
).split()


def pseudonym(workshop: Workshop, participant_id: int) -> str:
    """Return what a participant is called where names are not shown."""
    digest = hmac.digest(workshop.secret.encode(), f"pseudonym {participant_id}".encode(), hashlib.sha256)
    number = int.from_bytes(digest[:8], "big")
    return f"{_ANIMALS[number % len(_ANIMALS)]} {number // len(_ANIMALS) % 900 + 100}"
