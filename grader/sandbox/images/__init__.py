"""Base root file systems and the engine's images: made from Debian packages, kept, and handed out."""

from __future__ import annotations

from collections.abc import Callable

from grader.sandbox.images.found import MADE, Built, Golden, golden, listing, rootfs
from grader.sandbox.images.store import Manifest, clone
from grader.settings import Settings

__all__ = ["MADE", "Built", "Golden", "Manifest", "build", "clone", "golden", "listing", "rootfs"]


def build(settings: Settings, progress: Callable[[str], None]) -> Built:
    """Build whatever is missing of root file systems, images and the golden data root.

    Args:
        settings: Where they are kept.
        progress: Told what is being done, from several threads.

    Raises:
        UnavailableError: A tool, a right or a mirror is missing.
        SandboxError: The engine failed.
    """
    # Finding what was built is on the way of every answer; what builds it takes longer to import.
    from grader.sandbox.images.building import build_missing

    return build_missing(settings, progress)
