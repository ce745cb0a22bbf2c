"""Says from the text of a Dockerfile alone why it would not be built, before anything is started.

This spares a participant the builder's own words about a network that is not there. It protects nothing:
the sandbox around the builder does that, whatever a Dockerfile says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from grader.dockerfile import (
    DockerfileError,
    Instruction,
    parse_instruction,
    read_instructions,
    split_words,
    unquote,
)
from grader.observe.frontend import asks_for_another

_MAX_TEXT: Final = 1 << 18
_MAX_WORD: Final = 4_096
_REMOTE: Final = re.compile(r"(https?|git|ssh)://|[\w-]+@[\w.-]+:", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\\.|\$(?:(\w+)|\{(\w+)(?:(:?[-+?])([^${}]*))?\})")
_NESTING: Final = 5
_BY_PLATFORM: Final = re.compile(r"(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT)")


def refusal(dockerfile: str, allowed_images: frozenset[str]) -> str | None:
    """Return why `dockerfile` is refused, or ``None``.

    Args:
        dockerfile: Its text. Where it is no Dockerfile at all the builder says so, better than this could.
        allowed_images: Names of images that are there: ``debian:trixie``.
    """
    if len(dockerfile) > _MAX_TEXT:
        return f"it is longer than {_MAX_TEXT:,} characters"
    if asks_for_another(dockerfile):
        return (
            "a syntax directive asks for a frontend from a registry, and here is no network: leave it out, "
            "or take docker/dockerfile:1, which is here"
        )
    try:
        instructions = read_instructions(dockerfile)
    except DockerfileError:
        return None
    reading = _Reading(frozenset(map(_canonical, allowed_images)))
    for instruction in instructions:
        if reason := reading.why_not(instruction):
            return f"line {instruction.line}: {reason}"
    return None


@dataclass(slots=True)
class _Reading:
    """What is known so far of a Dockerfile that is read from top to bottom.

    Attributes:
        stages: Names of the stages, in small letters.
        begun: How many stages there are.
        shared: Build arguments from before the first stage; ``None`` is a value that the text does not tell.
        known: Variables of the present stage, likewise.
    """

    allowed: frozenset[str]
    stages: set[str] = field(default_factory=set)
    begun: int = 0
    shared: dict[str, str | None] = field(default_factory=dict)
    known: dict[str, str | None] = field(default_factory=dict)

    def why_not(self, instruction: Instruction) -> str | None:
        match instruction.name:
            case "FROM":
                return self._begin(instruction)
            case "ARG" | "ENV":
                self._define(instruction)
                return None
            case "ADD":
                return self._remote(instruction)
            case "COPY":
                return self._copied(instruction)
            case "RUN":
                return self._run(instruction)
            case "ONBUILD":  # a later stage of this very Dockerfile may run it
                trigger = parse_instruction(instruction.arguments)
                return self.why_not(trigger) if trigger and trigger.name in {"ADD", "COPY", "RUN"} else None
            case _:
                return None

    def _begin(self, instruction: Instruction) -> str | None:
        words = instruction.words
        image = _expand(words[0], self.shared) if words else None
        reason = self._missing("FROM", image)
        self.begun += 1
        self.known = {}
        if len(words) == 3 and words[1].lower() == "as":
            self.stages.add(words[2].lower())
        return reason

    def _missing(self, what: str, image: str | None) -> str | None:
        """Say that an image is not there, if it is neither a stage nor allowed, and can be told."""
        if not image or "$" in image or image.lower() in self.stages or image == "scratch":
            return None
        if _canonical(image) in self.allowed:
            return None
        there = ", ".join(sorted(self.allowed)) or "none"
        return (
            f"{what} {image}: that image is not here, and there is no network to fetch it; here are: {there}"
        )

    def _define(self, instruction: Instruction) -> None:
        into = self.known if self.begun else self.shared
        words = split_words(instruction.arguments)
        if instruction.name == "ENV" and words and "=" not in words[0]:
            words = [f"{words[0]}={' '.join(words[1:])}"]
        for word in words:
            name, equals, value = word.partition("=")
            into[name] = _expand(value, into) if equals else self.shared.get(name, "")

    def _remote(self, instruction: Instruction) -> str | None:
        for word in instruction.words[:-1]:
            source = _expand(word, self.known)
            if source and _REMOTE.match(source):
                return f"ADD {source}: there is no network; ADD takes files from beside the Dockerfile"
        return None

    def _copied(self, instruction: Instruction) -> str | None:
        for source in _values(instruction.flags, "--from"):
            if not source.isdecimal() and (reason := self._missing("COPY --from", source)):
                return reason
        return None

    def _run(self, instruction: Instruction) -> str | None:
        if "insecure" in _values(instruction.flags, "--security"):
            return "RUN --security=insecure: steps run without such rights here"
        if "host" in _values(instruction.flags, "--network"):
            return "RUN --network=host: steps run without a network here"
        for mount in _values(instruction.flags, "--mount"):
            for part in _parts(mount):
                key, _, source = part.partition("=")
                if key.strip().lower() == "from" and (reason := self._missing("RUN --mount from", source)):
                    return reason
        return None


def _values(flags: tuple[str, ...], name: str) -> Iterator[str]:
    for flag in flags:
        key, equals, value = flag.partition("=")
        if equals and key == name:
            yield value


def _parts(mount: str) -> list[str]:
    try:
        return next(csv.reader([mount]), [])
    except csv.Error:  # the builder says what is wrong with it
        return []


def _expand(word: str, values: Mapping[str, str | None]) -> str | None:
    """Put the values of variables into a word; ``None`` where the text alone does not tell what comes out."""
    for _ in range(_NESTING):
        if len(word) > _MAX_WORD:
            return None
        replaced = _VARIABLE.sub(lambda found: _value(found, values), word)
        if replaced == word:
            break
        word = replaced
    return None if "$" in word else unquote(word)


def _value(found: re.Match[str], values: Mapping[str, str | None]) -> str:
    name = found[1] or found[2]
    if name is None or _BY_PLATFORM.fullmatch(name) or values.get(name, "") is None:
        return found[0]
    value, operator, word = values.get(name), found[3], found[4]
    if operator is None:
        return value or ""
    there = bool(value) if operator.startswith(":") else name in values
    if operator.endswith("+"):
        return word if there else ""
    return value or "" if there or operator.endswith("?") else word


def _canonical(image: str) -> str:
    """Return the name by which an image is known: ``docker.io/library/debian`` is ``debian:latest``."""
    name = image.removeprefix("index.").removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
