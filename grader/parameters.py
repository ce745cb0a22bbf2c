"""Draws the values of each participant's exercises, and fills them into texts."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from grader.errors import ExerciseError, GraderError, SubmissionError, UnavailableError
from grader.evidence import Value
from grader.model import Exercise, ParameterSpec
from grader.settings import Settings

ANONYMOUS: Final = "anonymous"
"""Who takes part where nobody is named."""

_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"
_CHARACTERS: Final = _LETTERS + "23456789"  # nothing that is easily misread; 32 of them
MAX_TOKEN: Final = 32
_PLACEHOLDER: Final = re.compile(r"\{\{ ([A-Za-z_][A-Za-z0-9_]*) \}\}")
_PLACEHOLDER_BYTES: Final = re.compile(_PLACEHOLDER.pattern.encode())
_TEMPLATE_WORDS: Final = frozenset(
    {"else", "end", "break", "continue"}
)  # of Go templates, as in `docker inspect`
_DIGEST_RANGE: Final = 1 << 256


def draw(exercise: Exercise, participant: str, secret: Callable[[], str]) -> dict[str, Value]:
    """Draw the values of one participant for one exercise; the same ones every time.

    Args:
        exercise: Whose parameters they are.
        participant: Name; different participants get independent values.
        secret: Gives the workshop's secret; called only if the exercise has parameters.

    Raises:
        SubmissionError: A participant's name holds a NUL character.
    """
    if "\0" in participant:
        raise SubmissionError("a participant's name cannot hold a NUL character")
    if not exercise.parameters:
        return {}
    key = secret().encode()
    return {
        name: _draw_one(
            spec, key, f"{participant}\0{exercise.slug}\0{name}".encode("utf-8", "backslashreplace")
        )
        for name, spec in exercise.parameters.items()
    }


def example(spec: ParameterSpec) -> Value:
    """Return a value that a parameter can have."""
    return _draw_one(spec, b"example", b"example")


def _draw_one(spec: ParameterSpec, key: bytes, message: bytes) -> Value:
    if spec.token_length:
        # A letter first: nothing reads such a token as a number (YAML would turn 2e5 into one).
        rest = spec.token_length - 1
        number = _below(len(_LETTERS) << (5 * rest), key, message)
        return _LETTERS[number >> (5 * rest)] + "".join(
            _CHARACTERS[number >> (5 * position) & 31] for position in range(rest)
        )
    if spec.choices:
        return spec.choices[_below(len(spec.choices), key, message)]
    return spec.minimum + _below(spec.maximum - spec.minimum + 1, key, message)


def _below(span: int, key: bytes, message: bytes) -> int:
    """Return a number below `span`, each with the same probability."""
    limit = _DIGEST_RANGE - _DIGEST_RANGE % span
    while True:
        message = hmac.digest(key, message, "sha256")
        number = int.from_bytes(message, "big")
        if number < limit:
            return number % span


def workshop_secret(settings: Settings) -> str:
    """Return the secret that values are drawn from; make one at first use, readable by its owner only.

    Raises:
        GraderError: None is set and none can be kept.
        UnavailableError: It is not ours to read.
    """
    if settings.secret:
        return settings.secret
    path = settings.state_dir / "secret"
    try:
        if not path.exists():
            _make_secret(path)
        found = path.read_text(encoding="utf-8").strip()
    except PermissionError as error:
        mend = "sudo, or set GRADER_SECRET"
        raise UnavailableError(f"the workshop secret is root's: {path}", mend) from error
    except (OSError, UnicodeError) as error:
        raise GraderError(f"no workshop secret: {error}; set GRADER_SECRET or GRADER_STATE_DIR") from error
    if not found:
        raise GraderError(f"no workshop secret: {path} is empty; remove it, or set GRADER_SECRET")
    return found


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # whole or not at all, and never over somebody else's
        except FileExistsError:
            return
    finally:
        os.unlink(draft)


def fill(text: str, parameters: Mapping[str, Value]) -> str:
    """Return `text` with every ``{{ parameter }}`` filled in; unknown ones stay."""
    if "{{" not in text:
        return text
    return _PLACEHOLDER.sub(lambda found: str(parameters.get(found[1], found[0])), text)


def fill_bytes(content: bytes, parameters: Mapping[str, Value]) -> bytes:
    """Return `content` likewise, whatever its encoding."""
    if b"{{" not in content:
        return content
    return _PLACEHOLDER_BYTES.sub(
        lambda found: str(parameters.get(found[1].decode(), found[0].decode())).encode(), content
    )


def fill_value(value: Any, parameters: Mapping[str, Value]) -> Any:
    """Return a structure of tables and lists with every string in it filled in."""
    if isinstance(value, str):
        return fill(value, parameters)
    if isinstance(value, Mapping):
        return {key: fill_value(item, parameters) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(fill_value(item, parameters) for item in value)
    return value


def fill_exercise(exercise: Exercise, parameters: Mapping[str, Value]) -> Exercise:
    """Return the exercise as one participant meets it: text, probes and watched things filled in."""
    if not parameters:
        return exercise
    return replace(
        exercise,
        text=fill(exercise.text, parameters),
        watch=replace(
            exercise.watch,
            layers=fill_value(exercise.watch.layers, parameters),
            search=fill_value(exercise.watch.search, parameters),
        ),
        probes=tuple(
            replace(probe, options=fill_value(probe.options, parameters)) for probe in exercise.probes
        ),
    )


def require_known(where: str, value: Any, names: Mapping[str, Any]) -> None:
    """Make sure that every ``{{ parameter }}`` in a structure is one of `names`.

    Raises:
        ExerciseError: It is none; the message begins with `where`.
    """
    if isinstance(value, str):
        for found in _PLACEHOLDER.finditer(value):
            if found[1] not in names and found[1] not in _TEMPLATE_WORDS:
                known = ", ".join(names) or "none"
                raise ExerciseError(f"{where}: {found[0]} is no parameter of this exercise (it has: {known})")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            require_known(f"{where}.{key}", item, names)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            require_known(f"{where}[{position}]", item, names)
