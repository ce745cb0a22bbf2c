"""What a participant begins an exercise with: the texts in the form, and an archive of them and the task."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final

from grader.evidence import Value
from grader.model import Exercise
from grader.parameters import fill

_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


def starting_texts(exercise: Exercise, values: Mapping[str, Value]) -> dict[str, str]:
    """Return the text that each file begins with; folders begin empty."""
    return {spec.name: fill(spec.nothing, values) for spec in exercise.files if not spec.name.endswith("/")}


def archive(exercise: Exercise, values: Mapping[str, Value]) -> bytes:
    """Return a ZIP archive of the participant's own task and of the files that it begins with."""
    texts = {"README.md": fill(exercise.text, values)} | starting_texts(exercise, values)
    folders = {f"{exercise.slug}/{spec.name}": b"" for spec in exercise.files if spec.name.endswith("/")}
    return pack(folders | {f"{exercise.slug}/{name}": text.encode() for name, text in texts.items()})


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive; names that end in a slash are folders."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(_entry(name), content)
    return packed.getvalue()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    folder = path.endswith("/")
    entry.external_attr = (0o40755 << 16 | 0x10) if folder else (0o100644 << 16)
    return entry
