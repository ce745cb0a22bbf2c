"""Reads the text of a Dockerfile into instructions, as BuildKit's own parser does, and runs nothing.

BuildKit's parser exists as an extension for Python, but it brings Go's runtime into the process: that one
hangs in a forked child, ends the process on a lone surrogate, and reads no further than a NUL. The tests
compare this reader with it. Source: Dockerfile reference, "Format", "Parser directives", "Here-documents".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec

# What Go calls space, and what its regular expressions do; Python's own ideas are wider.
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_BETWEEN: Final = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE: Final = re.compile(r"(#|//)[\t\n\f\r ]*([A-Za-z][A-Za-z0-9]*)[\t\n\f\r ]*=")
_HEREDOC: Final = re.compile(r"[0-9]*<<(-?)([^<]+)")
_WITH_HEREDOCS: Final = frozenset({"ADD", "COPY", "RUN"})


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        line: Where it begins, from 1.
        name: In capitals: ``RUN``, ``COPY``, … Of ``ONBUILD RUN …`` it is ``ONBUILD``.
        flags: What comes first and begins with ``--``, without its quotes.
        arguments: The rest, with its continuation lines joined.
        heredocs: Contents of its here-documents.
    """

    line: int
    name: str
    flags: tuple[str, ...]
    arguments: str
    heredocs: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments one by one: of the JSON form, or as white space divides them, quotes and all."""
        return self.json if self.json is not None else tuple(self.arguments.split())

    @property
    def json(self) -> tuple[str, ...] | None:
        """The arguments of the JSON form (``["…", "…"]``), or ``None`` where it is not in that form."""
        if not self.arguments.startswith("["):
            return None
        try:
            return tuple(msgspec.json.decode(self.arguments, type=list[str]))
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            return None


class DockerfileError(ValueError):
    """The text means nothing as a Dockerfile; the builder says more about it."""


def read_instructions(text: str) -> tuple[Instruction, ...]:
    """Read a Dockerfile.

    Raises:
        DockerfileError: A here-document or a parser directive is broken. Whether the instructions exist
            and make sense is left to the builder.
    """
    escape = read_directives(text).get("escape", "\\")
    if escape not in {"\\", "`"}:
        raise DockerfileError(f"escape={escape}")
    lines = _Lines(text)
    instructions: list[Instruction] = []
    for line in lines:
        number = lines.number
        joined = _join(line, lines, escape)
        found = parse_instruction(joined, number)
        if found is not None:
            instructions.append(replace(found, heredocs=tuple(_heredocs(found, joined, lines))))
    return tuple(instructions)


def read_directives(text: str, comment: str = "#") -> dict[str, str]:
    """Return the parser directives at the top of `text`; the first line without one ends them."""
    directives: dict[str, str] = {}
    for line in _Lines(text):
        found = _DIRECTIVE.match(line)
        value = line[found.end() :].strip("\t\n\f\r ") if found else ""
        if not found or found[1] != comment or not value:
            break
        directives.setdefault(found[2].lower(), value)
    return directives


def parse_instruction(line: str, number: int = 1) -> Instruction | None:
    """Parse one instruction whose lines are joined; ``None`` where there is none."""
    line = line.strip(_SPACE)
    between = _BETWEEN.search(line)
    name = line[: between.start()] if between else line
    if not name:
        return None
    flags, rest = _flags(line, between.end() if between else len(line))
    return Instruction(number, name.upper(), flags, rest.strip(_SPACE))


class _Lines(Iterator[str]):
    """Lines without their ends; of the last one `number` counts from 1, and `raw` still has its end."""

    def __init__(self, text: str) -> None:
        lines = text.removeprefix("\ufeff").split("\n")
        self._lines = iter(lines[:-1] if lines[-1] == "" else lines)
        self.number = 0
        self.raw = ""

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.raw = f"{line}\n"
        return line.rstrip("\r")


def _join(line: str, lines: _Lines, escape: str) -> str:
    """Return an instruction as one line: comments inside are left out, and so are empty lines."""
    line = line.lstrip(_SPACE)
    joined, more = _continued("" if line.startswith("#") else line, escape)
    while more and (following := next(lines, None)) is not None:
        bare = following.lstrip(_SPACE)
        if bare and not bare.startswith("#"):
            part, more = _continued(following, escape)
            joined += part
    return joined


def _continued(line: str, escape: str) -> tuple[str, bool]:
    """Take the continuation mark off a line; say whether there was one."""
    bare = line.rstrip(" \t")
    if bare.endswith(escape) and not bare[:-1].endswith(escape):
        return bare[:-1], True
    return line, False


def split_words(line: str) -> list[str]:
    """Return the words of a line as a shell divides them, quotes and all; none where a quote has no end."""
    words: list[str] = []
    start: int | None = None
    quote = ""
    at = 0
    while at < len(line):
        char = line[at]
        if start is None and char not in _SPACE:
            start = at
        if char == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _SPACE and start is not None:
            words.append(line[start:at])
            start = None
        at += 1
    if start is not None:
        words.append(line[start:])
    return [] if quote else words


def unquote(word: str) -> str:
    """Return a word of `split_words` without its quotes and escapes."""
    return _word(word)[0]


def _flags(line: str, at: int) -> tuple[tuple[str, ...], str]:
    """Read the flags that follow an instruction's name; return them and what comes after."""
    flags: list[str] = []
    while True:
        while at < len(line) and line[at] in _SPACE:
            at += 1
        if not line.startswith("--", at):
            return tuple(flags), line[at:]
        flag, at = _word(line, at)
        if flag == "--":
            return tuple(flags), line[at:]
        flags.append(flag)


def _word(text: str, at: int = 0) -> tuple[str, int]:
    """Read a word without its quotes; return it and where it ends."""
    word: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
            word.append(text[at : at + 1])
        elif quote:
            quote = "" if char == quote else quote
            word.append(char if quote else "")
        elif char in "'\"":
            quote = char
        elif char in _SPACE:
            break
        else:
            word.append(char)
        at += 1
    return "".join(word), at


def _heredocs(instruction: Instruction, line: str, lines: _Lines) -> Iterator[str]:
    """Take the here-documents that an instruction announces from the lines after it."""
    name = instruction.name
    if name == "ONBUILD" and (trigger := parse_instruction(instruction.arguments)):
        name = trigger.name
        instruction = trigger
    if name not in _WITH_HEREDOCS or "<<" not in line or instruction.json is not None:
        return
    for word in split_words(line):
        found = _HEREDOC.fullmatch(word)
        if not found:
            continue
        end, length = _word(found[2])
        if length < len(found[2]):
            continue
        yield _body(end, bool(found[1]), lines)


def _body(end: str, tabs: bool, lines: _Lines) -> str:
    body: list[str] = []
    for line in lines:
        if (line.lstrip("\t") if tabs else line) == end:
            return "".join(body)
        body.append(lines.raw)
    raise DockerfileError(f"the here-document {end} has no end")
