"""The form of a task: what it shows for each file of the answer, and the answer that it sends."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from werkzeug.datastructures import FileStorage, MultiDict

from grader.answer import MAX_FILES
from grader.evidence import Value
from grader.model import Exercise, FileSpec
from web.language import gettext
from web.problems import Problem
from web.tasks.starting import starting_texts
from web.tasks.submitting import uploaded

_ONCE: Final = re.compile(r"[0-9a-f]{32}")
_LARGEST_TEXT: Final = 200_000  # more makes browsers slow; such files are uploaded again


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of an earlier attempt that is no text for the form, and can be handed in again."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Field:
    """One file of the answer, or a folder of files.

    Attributes:
        text: What the text area holds; empty for folders.
        kept: Files of a folder, or one that is too long for a text area.
    """

    spec: FileSpec
    text: str
    kept: tuple[Kept, ...] = ()

    @property
    def folder(self) -> bool:
        """Whether it takes many files, of any names."""
        return self.spec.name.endswith("/")


def fields(exercise: Exercise, values: Mapping[str, Value], former: Mapping[str, bytes]) -> list[Field]:
    """Return the fields of the form, filled with an earlier answer or with what everybody begins with."""
    texts = starting_texts(exercise, values)
    return [_field(spec, texts.get(spec.name, ""), former) for spec in exercise.files]


def _field(spec: FileSpec, start: str, former: Mapping[str, bytes]) -> Field:
    if spec.name.endswith("/"):
        inside = [name for name in former if name.startswith(spec.name)]
        return Field(spec, "", tuple(Kept(name, len(former[name])) for name in inside))
    content = former.get(spec.name)
    if content is None:
        # An optional file that was left out stays out.
        return Field(spec, "" if former and not spec.required else start)
    try:
        if len(content) <= _LARGEST_TEXT and b"\0" not in content:
            return Field(spec, content.decode("utf-8"))
    except UnicodeDecodeError:
        pass  # it is no text: see below
    return Field(spec, "", (Kept(spec.name, len(content)),))


def read(
    form: MultiDict[str, str],
    files: MultiDict[str, FileStorage],
    exercise: Exercise,
    former: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Return the answer that a form sends: uploads count before texts, and texts before what is kept.

    Args:
        form: Texts, and the names of the files that are taken over.
        files: Uploads.
        exercise: That is answered.
        former: The earlier answer that files are taken over from.

    Raises:
        Problem: Two uploads have the same name, or there are too many.
    """
    found = uploaded(files, exercise)
    for spec in exercise.files:
        if spec.name.endswith("/"):
            _add_folder(found, spec.name, files.getlist(f"folder:{spec.name}"))
            continue
        text = form.get(f"text:{spec.name}", "")
        if spec.name not in found and text.strip():
            # Browsers send lines with carriage returns, which no shell likes.
            found[spec.name] = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    for name in form.getlist("again"):
        if name in former:
            found.setdefault(name, former[name])
    return found


def _add_folder(found: dict[str, bytes], folder: str, storages: list[FileStorage]) -> None:
    if len(storages) > MAX_FILES:
        raise Problem(
            422,
            gettext(
                "the folder holds %(files)s files, and %(most)s are the most",
                files=len(storages),
                most=MAX_FILES,
            ),
        )
    for storage in storages:
        # A browser that lets somebody choose a folder sends its name, too.
        name = (storage.filename or "").removeprefix(folder)
        if not name:
            continue
        if folder + name in found:
            raise Problem(422, gettext("two files have the same name"))
        found[folder + name] = storage.read()


def key(once: str, files: Mapping[str, bytes]) -> str | None:
    """Return a key that two clicks on the same form share, but not what was changed between them."""
    if not _ONCE.fullmatch(once):
        return None
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode("utf-8", "surrogatepass") + hashlib.sha256(files[name]).digest())
    return f"form-{once}-{digest.hexdigest()}"
