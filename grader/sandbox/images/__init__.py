"""Base root file systems and the engine's images: made from Debian packages, kept, and handed out."""

from grader.sandbox.images.build import MADE, Built, Golden, build, golden, listing, rootfs
from grader.sandbox.images.store import Manifest, clone

__all__ = ["MADE", "Built", "Golden", "Manifest", "build", "clone", "golden", "listing", "rootfs"]
