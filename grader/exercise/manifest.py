"""The format of `exercise.toml`: reads it, with errors that name the file and the place in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from grader.answer import plain_name
from grader.errors import ExerciseError
from grader.model import ENGINE_LIMITS, MIB, FileSpec, Kind, Limits, ParameterSpec, ProbeSpec, Profile, Watch
from grader.parameters import MAX_TOKEN, example, fill_value, require_known
from grader.probe import to_action

_Text = Annotated[str, Meta(min_length=1, pattern=r"\S")]
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]
_Count = Annotated[int, Meta(ge=1)]
_Amount = Annotated[float, Meta(gt=0)]
_Shape = TypeVar("_Shape")

_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOTHING: Final[Mapping[Kind, str]] = {
    Kind.SHELL: ":\n",
    Kind.DOCKERFILE: "FROM debian:trixie\n",
    Kind.COMPOSE: "services: {}\n",
    Kind.VALUE: "\n",
    Kind.FILE: "",
}


class _Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """A table that knows all its keys."""


class _File(_Strict):
    name: _Text
    kind: Kind
    required: bool = True
    nothing: str | None = None


class _Limits(_Strict):
    memory_mib: Annotated[int, Meta(ge=4, le=65_536)] = 64
    pids: Annotated[int, Meta(ge=2, le=32_768)] = 64
    cpus: Annotated[float, Meta(gt=0, le=64)] = 1.0
    disk_mib: Annotated[int, Meta(ge=1, le=65_536)] = 16
    output_kib: Annotated[int, Meta(ge=1, le=16_384)] = 64
    wall_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 10.0
    settle_seconds: Annotated[float, Meta(ge=0, le=600)] = 0.0


class _Range(_Strict):
    min: int
    max: int


class _Choice(_Strict):
    choose: Annotated[list[str | int], Meta(min_length=1)]


class _Token(_Strict):
    token: Annotated[int, Meta(ge=4, le=MAX_TOKEN)]


class _Watch(_Strict):
    processes: bool = False
    nsenter: bool = False
    networks: bool = False
    layers: list[_Text] = []
    search: list[_Text] = []


class _Manifest(_Strict):
    title: _Text
    section: Literal["A", "B", "C", "D", "E", "F", "G"]
    profile: Profile
    files: Annotated[list[_File], Meta(min_length=1)]
    minutes: _Count = 10
    hints: list[_Text] = []
    setup: _Text | None = None
    copied_answer_fails: bool | None = None
    limits: dict[str, Any] = {}
    parameters: dict[str, dict[str, Any]] = {}
    watch: _Watch = msgspec.field(default_factory=_Watch)
    probes: list[dict[str, Any]] = []
    points: dict[str, Annotated[float, Meta(ge=0)]] = {}


_DEFAULTS: Final[Mapping[Profile, Mapping[str, Any]]] = {
    Profile.NONE: {},
    Profile.PLAIN: {},
    Profile.NAMESPACES: {"memory_mib": 128, "pids": 100, "wall_seconds": 15.0},
    Profile.CGROUPS: {"memory_mib": 128, "pids": 100, "wall_seconds": 15.0},
    Profile.DOCKER: {
        "memory_mib": ENGINE_LIMITS.memory_bytes // MIB,
        "pids": ENGINE_LIMITS.pids,
        "cpus": ENGINE_LIMITS.cpus,
        "wall_seconds": ENGINE_LIMITS.wall_seconds,
        "disk_mib": ENGINE_LIMITS.disk_bytes // MIB,
    },
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an `exercise.toml` says; attributes as in `grader.model.Exercise`.

    Attributes:
        setup: Name of the script, inside the exercise's folder.
        points: Points by name of check, instead of the check's own.
    """

    title: str
    section: str
    profile: Profile
    files: tuple[FileSpec, ...]
    limits: Limits
    parameters: Mapping[str, ParameterSpec]
    watch: Watch
    probes: tuple[ProbeSpec, ...]
    minutes: int
    hints: tuple[str, ...]
    setup: str | None
    points: Mapping[str, float]
    copied_answer_fails: bool


def read(path: Path, shown: str) -> Manifest:
    """Read an `exercise.toml`.

    Args:
        path: The file.
        shown: What messages call it.

    Raises:
        ExerciseError: It cannot be read or says something unknown; the message names file and place.
    """
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeError) as error:
        raise ExerciseError(f"{shown}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ExerciseError(f"{shown}: {error}") from error
    manifest = _convert(table, _Manifest, shown, "$")
    parameters = {name: _parameter(name, table, shown) for name, table in manifest.parameters.items()}
    require_known(f"{shown}: $.watch", msgspec.to_builtins(manifest.watch), parameters)
    copied = manifest.copied_answer_fails
    return Manifest(
        title=manifest.title,
        section=manifest.section,
        profile=manifest.profile,
        files=_files(manifest.files, shown),
        limits=_limits(manifest, shown),
        parameters=parameters,
        watch=Watch(
            processes=manifest.watch.processes,
            nsenter=manifest.watch.nsenter,
            networks=manifest.watch.networks,
            layers=tuple(manifest.watch.layers),
            search=tuple(manifest.watch.search),
        ),
        probes=_probes(manifest.probes, parameters, shown),
        minutes=manifest.minutes,
        hints=tuple(manifest.hints),
        setup=manifest.setup,
        points=manifest.points,
        copied_answer_fails=bool(parameters) if copied is None else copied,
    )


def _convert(table: object, shape: type[_Shape], shown: str, place: str) -> _Shape:
    """Return `table` in its shape, or say what is wrong and where."""
    try:
        return msgspec.convert(table, shape)
    except msgspec.ValidationError as error:
        message, _, inner = str(error).partition(" - at `")
        where = place + inner.rstrip("`").removeprefix("$")
        raise ExerciseError(f"{shown}: {where}: {message[:1].lower()}{message[1:]}") from error


def _files(files: list[_File], shown: str) -> tuple[FileSpec, ...]:
    names = [file.name for file in files]
    for position, name in enumerate(names):
        place = f"{shown}: $.files[{position}].name"
        if not plain_name(name.removesuffix("/")):
            raise ExerciseError(f"{place}: {name!r} is no plain relative name")
        if name in names[:position]:
            raise ExerciseError(f"{place}: {name!r} is listed twice")
        inside = f"{name.removesuffix('/')}/"
        clash = next((other for other in names if other != name and other.startswith(inside)), None)
        if clash is not None:
            raise ExerciseError(f"{place}: {name!r} and {clash!r} cannot both be in an answer")
        if name.endswith("/") and files[position].kind is not Kind.FILE:
            raise ExerciseError(f"{shown}: $.files[{position}].kind: a folder's files are of kind 'file'")
    return tuple(
        FileSpec(
            file.name,
            file.kind,
            required=file.required,
            nothing=_NOTHING[file.kind] if file.nothing is None else file.nothing,
        )
        for file in files
    )


def _limits(manifest: _Manifest, shown: str) -> Limits:
    limits = _convert({**_DEFAULTS[manifest.profile], **manifest.limits}, _Limits, shown, "$.limits")
    return Limits(
        memory_bytes=limits.memory_mib * MIB,
        pids=limits.pids,
        cpus=limits.cpus,
        disk_bytes=limits.disk_mib * MIB,
        output_bytes=limits.output_kib << 10,
        wall_seconds=limits.wall_seconds,
        settle_seconds=limits.settle_seconds,
    )


def _parameter(name: str, table: Mapping[str, Any], shown: str) -> ParameterSpec:
    place = f"$.parameters.{name}"
    if not _PARAMETER.fullmatch(name):
        raise ExerciseError(f"{shown}: {place}: a parameter's name is made of letters, digits and _")
    if "choose" in table:
        return ParameterSpec(choices=tuple(_convert(table, _Choice, shown, place).choose))
    if "token" in table:
        return ParameterSpec(token_length=_convert(table, _Token, shown, place).token)
    if "min" not in table and "max" not in table:
        raise ExerciseError(f"{shown}: {place}: it takes min and max, or choose, or token")
    limits = _convert(table, _Range, shown, place)
    if limits.min > limits.max:
        raise ExerciseError(f"{shown}: {place}: min is above max")
    return ParameterSpec(minimum=limits.min, maximum=limits.max)


class _ProbeHead(Struct, frozen=True):
    name: _Name
    action: _Name


def _probes(
    tables: list[dict[str, Any]], parameters: Mapping[str, ParameterSpec], shown: str
) -> tuple[ProbeSpec, ...]:
    examples = {name: example(spec) for name, spec in parameters.items()}
    probes: list[ProbeSpec] = []
    for position, table in enumerate(tables):
        place = f"$.probes[{position}]"
        head = _convert(table, _ProbeHead, shown, place)
        if any(head.name == other.name for other in probes):
            raise ExerciseError(f"{shown}: {place}.name: {head.name!r} is used twice")
        options = {key: value for key, value in table.items() if key not in {"name", "action"}}
        require_known(f"{shown}: {place}", options, parameters)
        try:
            to_action(head.name, head.action, fill_value(options, examples))
        except ExerciseError as error:
            raise ExerciseError(f"{shown}: {place}: {error}") from error
        probes.append(ProbeSpec(head.name, head.action, options))
    return tuple(probes)
