"""Reads answers as hostile input: never follows a link, never opens a device, stops at small limits."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from grader.errors import SubmissionError
from grader.evidence import Value
from grader.model import MIB, FileSpec, Kind, Submission
from grader.visible import file_name

MAX_FILE: Final = 1 * MIB
MAX_TOTAL: Final = 4 * MIB
MAX_FILES: Final = 200
_MAX_DEPTH: Final = 8
_TEXT_KINDS: Final = frozenset({Kind.SHELL, Kind.DOCKERFILE, Kind.COMPOSE, Kind.VALUE})
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FOLDER: Final = _OPEN | os.O_DIRECTORY
_OPEN_FILE: Final = _OPEN | os.O_NONBLOCK | os.O_NOCTTY
_KINDS: Final[Mapping[int, str]] = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class Answerable(Protocol):
    """What can be answered: an exercise, or what a server says of one."""

    @property
    def slug(self) -> str:
        """Its name."""

    @property
    def files(self) -> tuple[FileSpec, ...]:
        """What an answer consists of."""


def plain_name(name: str) -> bool:
    """Return whether `name` is a relative path of printable parts that stays where it is."""
    parts = name.split("/")
    return (
        name.isprintable()
        and "\\" not in name
        and len(parts) <= _MAX_DEPTH
        and all(part not in {"", ".", ".."} and len(part.encode()) <= 255 for part in parts)
    )


def read(
    exercise: Answerable,
    path: Path,
    participant: str,
    parameters: Mapping[str, Value],
    *,
    parent: int | None = None,
) -> Submission:
    """Read an answer: a folder, or a file where the exercise has one answer file.

    Args:
        exercise: That it answers.
        path: Of the answer, absolute or relative to `parent`.
        participant: Whose answer it is.
        parameters: The participant's values.
        parent: Descriptor of the folder that `path` is looked up in.

    Raises:
        SubmissionError: It is not well-formed; the message names the file and the cause.
    """
    name = file_name(os.fsencode(path.name))
    try:
        kind = stat.S_IFMT(os.stat(path, dir_fd=parent, follow_symlinks=False).st_mode)
        if kind == stat.S_IFDIR:
            with _Folder(path, parent) as folder:
                return from_files(exercise, participant, dict(folder.files(exercise)), parameters)
        if kind != stat.S_IFREG:
            raise SubmissionError(
                "%(name)s is %(kind)s, not a folder with an answer",
                name=name,
                kind=_KINDS.get(kind, "no file"),
            )
        spec = _only_file(exercise)
        if spec is None:
            raise SubmissionError(
                "%(name)s is a file, but the answer is a folder with %(expected)s",
                name=name,
                expected=_expected(exercise),
            )
        content = _read_file(path, parent, name)
    except OSError as error:
        raise SubmissionError("%(name)s cannot be read: %(why)s", name=name, why=error.strerror) from error
    return from_files(exercise, participant, {spec.name: content}, parameters)


def read_given(
    exercise: Answerable, paths: Sequence[Path], participant: str, parameters: Mapping[str, Value]
) -> Submission:
    """Read an answer as it is named on a command line: a folder, a file, or several of its files and folders.

    Of several, each is called in the answer what the end of its path is called there.

    Raises:
        SubmissionError: It is not well-formed; the message names the file and the cause.
    """
    if len(paths) == 1 and (_only_file(exercise) is not None or not paths[0].is_file()):
        return read(exercise, paths[0], participant, parameters)
    if len(paths) > MAX_FILES:
        raise SubmissionError(
            "the answer holds %(files)s files, and %(most)s are the most", files=len(paths), most=MAX_FILES
        )
    files: dict[str, bytes] = {}
    for path in paths:
        try:
            for name, content in _given(exercise, path):
                if name in files:
                    raise SubmissionError("%(name)s is given twice", name=file_name(name))
                files[name] = content
        except OSError as error:
            name = file_name(os.fsencode(path.name))
            raise SubmissionError(
                "%(name)s cannot be read: %(why)s", name=name, why=error.strerror
            ) from error
    return from_files(exercise, participant, files, parameters)


def from_files(
    exercise: Answerable,
    participant: str,
    files: Mapping[str, bytes],
    parameters: Mapping[str, Value],
) -> Submission:
    """Make a submission of files that came from anywhere.

    A script that was written on Windows loses the mark before its text, and the carriage returns that all of
    its lines end with: bash would take them for parts of its commands.

    Raises:
        SubmissionError: It is not well-formed; the message names the file and the cause.
    """
    if len(files) > MAX_FILES:
        raise SubmissionError(
            "the answer holds %(files)s files, and %(most)s are the most", files=len(files), most=MAX_FILES
        )
    for name in sorted(files):
        _check_file(exercise, name, files[name])
    total = sum(len(content) for content in files.values())
    if total > MAX_TOTAL:
        raise SubmissionError(
            "the answer's files hold %(size)s bytes, and %(most)s are the most",
            size=_grouped(total),
            most=_grouped(MAX_TOTAL),
        )
    for spec in exercise.files:
        if spec.required and not _present(spec, files):
            raise SubmissionError("%(name)s is missing", name=file_name(spec.name))
    kept = {name: _for_bash(exercise, name, files[name]) for name in sorted(files)}
    return Submission(exercise.slug, participant, kept, parameters)


def _for_bash(exercise: Answerable, name: str, content: bytes) -> bytes:
    spec = _spec(exercise, name)
    # A script that a probe runs is a file by its kind: its name says what it is.
    if spec is None or not (spec.kind is Kind.SHELL or spec.name.endswith(".sh")):
        return content
    content = content.removeprefix(codecs.BOM_UTF8)
    all_end_so = content.count(b"\r\n") == content.count(b"\n")
    return content.replace(b"\r\n", b"\n") if all_end_so else content


def _given(exercise: Answerable, path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of one of several things that an answer is given as."""
    shown = file_name(os.fsencode(path.name))
    kind = stat.S_IFMT(os.stat(path, follow_symlinks=False).st_mode)
    if kind == stat.S_IFDIR and _leads_to_answer(exercise, path.name):
        with _Folder(path, None) as folder:
            yield from folder.files(exercise, f"{path.name}/")
    elif kind == stat.S_IFREG:
        ends = ("/".join(path.parts[start:]) for start in range(len(path.parts)))
        name = next((end for end in ends if _spec(exercise, end) is not None), path.name)
        yield name, _read_file(path, None, shown)
    else:
        raise SubmissionError(
            "%(name)s is %(kind)s and not part of the answer, which consists of %(expected)s",
            name=shown,
            kind=_KINDS.get(kind, "no file"),
            expected=_expected(exercise),
        )


def _check_file(exercise: Answerable, name: str, content: bytes) -> None:
    spec = _spec(exercise, name)
    shown = file_name(name)
    if spec is None:
        raise SubmissionError(
            "%(name)s is not part of the answer, which consists of %(expected)s",
            name=shown,
            expected=_expected(exercise),
        )
    if len(content) > MAX_FILE:
        raise SubmissionError(
            "%(name)s holds %(size)s bytes, and %(most)s are the most",
            name=shown,
            size=_grouped(len(content)),
            most=_grouped(MAX_FILE),
        )
    if spec.required and not spec.name.endswith("/") and not content.strip():
        raise SubmissionError("%(name)s is empty", name=shown)
    if spec.kind in _TEXT_KINDS:
        if b"\0" in content:
            line = content.count(b"\n", 0, content.index(b"\0")) + 1
            raise SubmissionError(
                "%(name)s holds a NUL byte in line %(line)s, so it is no text", name=shown, line=line
            )
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise SubmissionError(
                "%(name)s is not UTF-8 text: line %(line)s does not decode", name=shown, line=line
            ) from error


def _spec(exercise: Answerable, name: str) -> FileSpec | None:
    """Return what the exercise says of a file, or ``None`` where it knows no such file."""
    if not plain_name(name):
        return None
    for spec in exercise.files:
        if name == spec.name or (spec.name.endswith("/") and name.startswith(spec.name)):
            return spec
    return None


def _present(spec: FileSpec, files: Mapping[str, bytes]) -> bool:
    if spec.name.endswith("/"):
        return any(name.startswith(spec.name) for name in files)
    return spec.name in files


def _only_file(exercise: Answerable) -> FileSpec | None:
    spec = exercise.files[0]
    return spec if len(exercise.files) == 1 and not spec.name.endswith("/") else None


def _grouped(count: int) -> str:
    return f"{count:,}"


def _expected(exercise: Answerable) -> str:
    return ", ".join(spec.name + ("" if spec.required else " (optional)") for spec in exercise.files)


class _Folder:
    """An answer's folder, held open so that nobody can exchange it while it is read."""

    def __init__(self, path: Path, parent: int | None) -> None:
        self._descriptor = os.open(path, _OPEN_FOLDER, dir_fd=parent)
        self._files = 0
        self._bytes = 0

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def files(self, exercise: Answerable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of all files."""
        yield from self._walk(exercise, self._descriptor, prefix)

    def _walk(self, exercise: Answerable, folder: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        for raw, mode in self._entries(folder):
            kind = stat.S_IFMT(mode)
            name = _decoded(raw, prefix)
            shown = file_name(os.fsencode(prefix) + raw)
            if kind == stat.S_IFDIR:
                if not _leads_to_answer(exercise, name):
                    raise SubmissionError(
                        "%(name)s is %(kind)s and not part of the answer, which consists of %(expected)s",
                        name=shown,
                        kind=_KINDS[kind],
                        expected=_expected(exercise),
                    )
                inner = os.open(raw, _OPEN_FOLDER, dir_fd=folder)
                try:
                    yield from self._walk(exercise, inner, f"{name}/")
                finally:
                    os.close(inner)
            elif kind != stat.S_IFREG:
                raise SubmissionError(
                    "%(name)s is %(kind)s, and answers are plain files",
                    name=shown,
                    kind=_KINDS.get(kind, "no file"),
                )
            elif _spec(exercise, name) is None:
                raise SubmissionError(
                    "%(name)s is not part of the answer, which consists of %(expected)s",
                    name=shown,
                    expected=_expected(exercise),
                )
            else:
                content = _read_file(raw, folder, shown)
                self._bytes += len(content)
                if self._bytes > MAX_TOTAL:
                    raise SubmissionError(
                        "%(name)s is one too much: the answer's files hold more than %(most)s bytes",
                        name=shown,
                        most=_grouped(MAX_TOTAL),
                    )
                yield name, content

    def _entries(self, folder: int) -> list[tuple[bytes, int]]:
        """Return what a folder holds, ordered by name; stops reading where there is too much."""
        found = []
        # A descriptor of its own: scandir rewinds and closes the one that it is given.
        with os.scandir(folder) as entries:
            for entry in entries:
                self._files += 1
                if self._files > MAX_FILES:
                    raise SubmissionError("the answer holds more than %(most)s files", most=MAX_FILES)
                found.append((os.fsencode(entry.name), entry.stat(follow_symlinks=False).st_mode))
        return sorted(found)


def _decoded(raw: bytes, prefix: str) -> str:
    try:
        return prefix + raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SubmissionError(
            "%(name)s has a name that is not UTF-8", name=file_name(os.fsencode(prefix) + raw)
        ) from error


def _leads_to_answer(exercise: Answerable, folder: str) -> bool:
    inside = f"{folder}/"
    return len(folder.split("/")) < _MAX_DEPTH and any(
        spec.name.startswith(inside) or (spec.name.endswith("/") and inside.startswith(spec.name))
        for spec in exercise.files
    )


def _read_file(path: Path | bytes, parent: int | None, shown: str) -> bytes:
    """Return a file's content; what lies there was a plain file when it was looked at."""
    descriptor = os.open(path, _OPEN_FILE, dir_fd=parent)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError("%(name)s is no plain file any more", name=shown)
        if status.st_size > MAX_FILE:
            raise SubmissionError(
                "%(name)s holds %(size)s bytes, and %(most)s are the most",
                name=shown,
                size=_grouped(status.st_size),
                most=_grouped(MAX_FILE),
            )
        content = bytearray()
        while piece := os.read(descriptor, MAX_FILE + 1 - len(content)):
            content += piece
            if len(content) > MAX_FILE:
                raise SubmissionError("%(name)s grows while it is read", name=shown)
        return bytes(content)
    finally:
        os.close(descriptor)
