"""Grades what people did with Linux containers, by what the kernel and the engine say about it."""

__version__ = "0.1.0"
