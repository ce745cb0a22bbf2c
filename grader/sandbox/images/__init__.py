"""Base root file systems and the engine's images: made from Debian packages, kept, and handed out."""

from grader.sandbox.images.build import build, rootfs

__all__ = ["build", "rootfs"]
