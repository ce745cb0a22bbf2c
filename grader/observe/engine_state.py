"""Turns what an engine's API says about its containers, images, networks and volumes into evidence.

Everything here is hostile input: the participant owns that engine. What is kept of it is bounded, and
fields that an engine's version does not have are simply not there.
Source: Docker Engine API 1.41 to 1.52.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from grader.errors import SubmissionError
from grader.evidence import Container, Engine, Image, Process
from grader.observe.images import Configuration, to_image_config, to_tags

MAX_CONTAINERS: Final = 200
MAX_IMAGES: Final = 200
MAX_NETWORKS: Final = 200
MAX_VOLUMES: Final = 200
_MAX_INSPECTION: Final = 256 << 10
_MAX_DEPTH: Final = 12
_ID: Final = re.compile(r"[0-9a-f]{64}")
_TEXT_AND_MEMBERS: Final = ((64 << 10, 4_096), (8 << 10, 512), (1 << 10, 128), (256, 128), (64, 16))
"""How long a text and how many members a list or mapping may be, tried until everything fits."""

_DROPPED: Final = frozenset(
    {
        # Where the engine keeps things; says nothing about what somebody did.
        "ContainerIDFile",
        "GraphDriver",
        "HostnamePath",
        "HostsPath",
        "ImageManifestDescriptor",
        "LogPath",
        "ResolvConfPath",
        "Storage",
        # Long, and the same in every container that is not privileged, which `Privileged` says.
        "MaskedPaths",
        "ReadonlyPaths",
    }
)


def to_inspect(summaries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the ids of the containers to inspect, from ``GET /containers/json?all=1``: at most 200."""
    ids = (_text(summary.get("Id")) for summary in _some(summaries, MAX_CONTAINERS))
    return tuple(found for found in ids if _ID.fullmatch(found))


def to_engine(
    inspections: Sequence[Mapping[str, Any]],
    images: Sequence[Mapping[str, Any]],
    networks: Sequence[Mapping[str, Any]],
    volumes: Mapping[str, Any],
    processes: Mapping[str, Sequence[int]],
    read: Mapping[str, Image] | None = None,
) -> Engine:
    """Convert what the engine says.

    Args:
        inspections: One ``GET /containers/ID/json`` for each container that was still there.
        images: One ``GET /images/ID/json`` for each, or the summaries of ``GET /images/json``, which say
            nothing about an image's config.
        networks: ``GET /networks``, or one ``GET /networks/ID`` for each, which also names the containers.
        volumes: ``GET /volumes``.
        processes: Host ids of the processes that the host found in each container, by its id.
        read: Images whose layers were read, by id; of these the engine adds the tags alone.

    Raises:
        SubmissionError: A description has a form that no engine gives it.
    """
    return Engine(
        containers=tuple(
            to_container(found, processes.get(_text(found.get("Id")), ()))
            for found in _some(inspections, MAX_CONTAINERS)
        ),
        images=tuple(_to_image(found, read or {}) for found in _some(images, MAX_IMAGES)),
        networks=tuple(_bounded(found, "network") for found in _some(networks, MAX_NETWORKS)),
        volumes=tuple(_bounded(found, "volume") for found in _some(volumes.get("Volumes"), MAX_VOLUMES)),
    )


def to_container(inspection: Mapping[str, Any], processes: Sequence[int] = ()) -> Container:
    """Convert one inspection; `processes` are the host's ids of what it found in that container.

    Raises:
        SubmissionError: It has a form that no engine gives it.
    """
    state = _mapping(inspection.get("State"))
    return Container(
        id=_text(inspection.get("Id")),
        name=_text(inspection.get("Name")).removeprefix("/"),
        image=_text(_mapping(inspection.get("Config")).get("Image")) or _text(inspection.get("Image")),
        status=_text(state.get("Status")),
        exit_code=_number(state.get("ExitCode")),
        oom_killed=state.get("OOMKilled") is True,
        restart_count=_number(inspection.get("RestartCount")),
        processes=tuple(sorted(processes)),
        inspect=_bounded(_without_ballast(inspection), "container"),
    )


def by_container(processes: Iterable[Process], ids: Iterable[str]) -> Mapping[str, tuple[int, ...]]:
    """Return the host ids of the processes in each container's control group.

    Engines name the group after the container: ``…/docker/ID``, or ``…/docker-ID.scope`` under systemd,
    and a container may have groups of its own below. The outermost name counts.
    """
    known = frozenset(ids)
    found: dict[str, list[int]] = {}
    for process in processes:
        for part in process.group.split("/"):
            container = part.removesuffix(".scope").rpartition("-")[2]
            if container in known:
                found.setdefault(container, []).append(process.pid)
                break
    return {container: tuple(sorted(pids)) for container, pids in found.items()}


def _to_image(said: Mapping[str, Any], read: Mapping[str, Image]) -> Image:
    identity = _text(said.get("Id"))
    names = _text_list(said.get("RepoTags"))
    tags = to_tags(name for name in names if name != "<none>:<none>")
    if identity in read:
        return replace(read[identity], tags=tags)
    try:
        config = to_image_config(msgspec.convert(_bounded(said, "image").get("Config"), Configuration | None))
    except msgspec.ValidationError as error:
        raise SubmissionError(f"the engine describes image {identity} strangely: {error}") from error
    return Image(id=identity, tags=tags, config=config, history=(), layers=())


def _without_ballast(inspection: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in inspection.items() if key not in _DROPPED}
    if isinstance(host := kept.get("HostConfig"), Mapping):
        kept["HostConfig"] = {key: value for key, value in host.items() if key not in _DROPPED}
    return kept


def _bounded(said: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """Return `said` cut so that its JSON has at most 256 KiB, shallow and valid.

    Raises:
        SubmissionError: It does not get small enough.
    """
    for text, members in _TEXT_AND_MEMBERS:
        cut: Mapping[str, Any] = _cut(said, text, members, _MAX_DEPTH)
        if len(msgspec.json.encode(cut)) <= _MAX_INSPECTION:
            return cut
    raise SubmissionError(f"the engine describes a {what} at a length that is not kept")


def _cut(value: Any, text: int, members: int, depth: int) -> Any:
    if isinstance(value, str):
        return value[:text].encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)[:32]
    if depth and isinstance(value, Mapping):
        # An engine's own mappings have up to a hundred keys, which must not be crowded out.
        kept = list(value.items())[: max(members, 128)]
        return {_cut(str(key), text, members, 0): _cut(item, text, members, depth - 1) for key, item in kept}
    if depth and isinstance(value, list | tuple):
        return [_cut(item, text, members, depth - 1) for item in value[:members]]
    return None


def _some(said: Any, limit: int) -> list[Mapping[str, Any]]:
    """Return the first descriptions of a list; engines say null for an empty one.

    Raises:
        SubmissionError: It is no list of mappings.
    """
    if said is not None and not isinstance(said, list | tuple):
        raise SubmissionError(f"the engine lists something strangely: {type(said).__name__}")
    some = list(said or ())[:limit]
    if not all(isinstance(found, Mapping) for found in some):
        raise SubmissionError("the engine lists something that is no description")
    return some


def _text_list(value: Any) -> list[str]:
    return [_text(found) for found in value[:1_000]] if isinstance(value, list | tuple) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value[:4096].encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 1 << 53 else 0
