"""What was observed about one answer: frozen, JSON, versioned, and all that checks may see.

Times in milliseconds count from the start of the answer. Paths of control groups are relative to the
sandbox's own group ("/" is that group). Process ids without a qualifier are those of the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from grader.errors import BundleError, NotObservedError

SCHEMA = 1

Value = str | int
_Section = TypeVar("_Section")


class AnswerFile(msgspec.Struct, frozen=True):
    """One file that was handed in: its text, or for what is not UTF-8 a lossy reading of it."""

    text: str
    size: int
    lossy: bool = False


class Machine(msgspec.Struct, frozen=True):
    """Where the answer ran."""

    kernel: str
    cgroup_version: int
    runtime: str
    runtime_version: str
    engine_version: str | None = None


class Run(msgspec.Struct, frozen=True):
    """How one program ran.

    Attributes:
        ended: ``exit`` by itself, ``deadline`` at the wall clock, ``output`` past the output cap,
            ``settled`` when nothing moved any more and enough had been seen.
        exit_code: Of the program, when it exited; 128 + n where signal n ended it, as a shell says it.
            ``None`` where it was still running when the grader ended it.
        stdout: Decoded with replacement, cut at the output cap.
        stderr: Likewise.
        truncated: Whether output was cut.
        cpu_ms: Processor time of everything in the sandbox, or 0 where it was not measured.
    """

    ended: Literal["exit", "deadline", "output", "settled"]
    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool
    wall_ms: float
    cpu_ms: float = 0.0


class OomKill(msgspec.Struct, frozen=True):
    """One kill by the kernel's OOM killer, as its own log records it.

    Attributes:
        group: Control group whose limit was hit (``oom_memcg``), or ``None`` where neither the
            log (it names ten in five seconds on the whole machine) nor the counters of groups tell.
        victim_group: Control group of the victim, or ``None``.
        pid: Of the victim.
        comm: Name of the victim. Whoever writes the program chooses it.
        uid: Of the victim inside the sandbox.
        own_bytes: What the victim held of memory of its own (``anon-rss``), or ``None`` where the log does
            not say.
    """

    group: str | None
    victim_group: str | None
    pid: int
    comm: str
    uid: int
    own_bytes: int | None = None


class Oom(msgspec.Struct, frozen=True):
    """OOM kills by two independent witnesses: the kernel log and the groups' counters.

    Attributes:
        kills: From the kernel log, in its order.
        counters: ``oom_kill`` of each group that had any; under cgroup v2 a parent counts its
            children's, under v1 only its own.
        lost_records: Kernel log records that were overwritten before they could be read.
    """

    kills: tuple[OomKill, ...]
    counters: Mapping[str, int]
    lost_records: int = 0

    def confirmed(self, group: str) -> tuple[OomKill, ...]:
        """Return the kills under `group`'s own limit that its counter confirms, at most that many."""
        counted = self.counters.get(group, 0)
        return tuple(kill for kill in self.kills if kill.group == group)[:counted]


class Process(msgspec.Struct, frozen=True):
    """One process, as the host saw it.

    Attributes:
        nspid: Its id at each level of PID namespace, from the sandbox's own inwards.
        argv: Command line; the process itself can rewrite it.
        uid: Inside the sandbox's user namespace, or -1 where it has none there.
        group: Control group: of the memory controller under v1, the only one under v2.
        namespaces: Inode by kind: pid, net, uts, mnt, ipc, user, cgroup.
        seen_ms: When it was first and last seen.
    """

    pid: int
    parent: int
    nspid: tuple[int, ...]
    comm: str
    argv: tuple[str, ...]
    uid: int
    group: str
    namespaces: Mapping[str, int]
    seen_ms: tuple[float, float]


class PidNamespace(msgspec.Struct, frozen=True):
    """A PID namespace as seen from inside it, by the host's own binaries through nsenter.

    Attributes:
        inode: As in `Process.namespaces`.
        level: 1 for the sandbox's own, 2 for one inside it, and so on.
        pids: Every process id that exists at this level.
    """

    inode: int
    level: int
    pids: tuple[int, ...]


class Processes(msgspec.Struct, frozen=True):
    """Every process seen in the sandbox, and the last look at it.

    Attributes:
        all: Everything seen during the run, in the order of first sight.
        alive: The ids of those that were there at the last look.
        pid_namespaces: Counted through nsenter at the last look, outermost first; empty unless asked for.
        hostnames: Host name by inode of UTS namespace, at the last look.
        sandbox: Namespace inodes of the sandbox's first process.
    """

    all: tuple[Process, ...]
    alive: tuple[int, ...]
    pid_namespaces: tuple[PidNamespace, ...]
    hostnames: Mapping[str, str]
    sandbox: Mapping[str, int]

    def living(self) -> tuple[Process, ...]:
        """Return the processes that were there at the last look."""
        alive = frozenset(self.alive)
        return tuple(process for process in self.all if process.pid in alive)


class Sample(msgspec.Struct, frozen=True):
    """Memory of a group at one moment."""

    at_ms: float
    bytes: int


class Cgroup(msgspec.Struct, frozen=True):
    """One control group of the sandbox.

    Attributes:
        memory_limit: Bytes, or ``None`` without a limit.
        swap_limit: Bytes of swap beyond memory, or ``None`` without a limit or where it is not accounted.
        memory_peak: Bytes, the kernel's own high-water mark where it keeps one, else the highest sample.
        memory_current: Bytes at the last look.
        oom_kills: The group's own counter (see `Oom.counters`).
        pids_limit: Or ``None``.
        members: Host ids of every process ever seen in it.
        samples: Memory over time.
        alive: Whether the group still existed at the last look.
    """

    path: str
    memory_limit: int | None
    swap_limit: int | None
    memory_peak: int
    memory_current: int
    oom_kills: int
    pids_limit: int | None
    members: tuple[int, ...]
    samples: tuple[Sample, ...]
    alive: bool


class NetworkNamespace(msgspec.Struct, frozen=True):
    """One network namespace, read through a process in it.

    Attributes:
        interfaces: Names.
        listening: TCP ports with a listener.
    """

    inode: int
    interfaces: tuple[str, ...]
    listening: tuple[int, ...]


class BuildStep(msgspec.Struct, frozen=True):
    """One step of a build, as the builder reported it."""

    title: str
    cached: bool
    error: str | None
    wall_ms: float


class Build(msgspec.Struct, frozen=True):
    """One build of a Dockerfile.

    Attributes:
        refused: Why the grader did not even start it (a remote frontend, say), or ``None``.
        image: Id of the image, or ``None`` where the build failed.
    """

    ok: bool
    refused: str | None
    image: str | None
    steps: tuple[BuildStep, ...]
    output: str
    truncated: bool
    wall_ms: float


class LayerFile(msgspec.Struct, frozen=True):
    """One entry of a layer."""

    path: str
    kind: Literal["file", "directory", "symlink", "hardlink", "device", "fifo"]
    size: int
    mode: int
    uid: int
    gid: int
    target: str = ""


class Layer(msgspec.Struct, frozen=True):
    """What one layer changed.

    Attributes:
        diff_id: Digest of the uncompressed archive.
        size: Bytes of the files' contents.
        base: Whether it came with a base image of ours; its entries are then left out.
        files: Entries, ordered by path; the first 5,000.
        whiteouts: Paths that it deletes.
        opaque: Directories whose former content it hides.
        matches: Paths whose content holds a searched text, by that text.
        truncated: Whether entries were left out beyond 5,000.
    """

    diff_id: str
    size: int
    base: bool
    files: tuple[LayerFile, ...]
    whiteouts: tuple[str, ...]
    opaque: tuple[str, ...]
    matches: Mapping[str, tuple[str, ...]]
    truncated: bool = False


class HistoryStep(msgspec.Struct, frozen=True):
    """One line of an image's history, oldest first; `empty` steps made no layer."""

    created_by: str
    empty: bool


class ImageConfig(msgspec.Struct, frozen=True):
    """What an image says about how to run it; ``None`` where it says nothing."""

    entrypoint: tuple[str, ...] | None
    cmd: tuple[str, ...] | None
    env: Mapping[str, str]
    user: str
    workdir: str
    labels: Mapping[str, str]
    exposed: tuple[str, ...]
    volumes: tuple[str, ...]
    stop_signal: str
    healthcheck: tuple[str, ...] | None


class Image(msgspec.Struct, frozen=True):
    """One image in the engine; layers and history only where they were asked for."""

    id: str
    tags: tuple[str, ...]
    config: ImageConfig
    history: tuple[HistoryStep, ...]
    layers: tuple[Layer, ...]


class Container(msgspec.Struct, frozen=True):
    """One container in the engine.

    Attributes:
        inspect: What the engine's own inspection says, whole. The participant owns that engine.
        processes: Host ids of processes that the *host* found in this container's control group.
    """

    id: str
    name: str
    image: str
    status: str
    exit_code: int
    oom_killed: bool
    restart_count: int
    processes: tuple[int, ...]
    inspect: Mapping[str, Any]


class Engine(msgspec.Struct, frozen=True):
    """What the disposable engine held at the last look."""

    containers: tuple[Container, ...]
    images: tuple[Image, ...]
    networks: tuple[Mapping[str, Any], ...]
    volumes: tuple[Mapping[str, Any], ...]

    def container(self, name: str) -> Container | None:
        """Return the container called `name`, or ``None``."""
        return next((found for found in self.containers if found.name == name), None)

    def image(self, tag: str) -> Image | None:
        """Return the image tagged `tag` (``:latest`` where it names no tag), or ``None``."""
        wanted = tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest"
        return next((found for found in self.images if wanted in found.tags), None)


class Event(msgspec.Struct, frozen=True):
    """One event of the engine, streamed from before the answer began.

    Attributes:
        at_ms: From the start of the answer, by the engine's clock.
        kind: container, image, network, volume, …
        action: create, start, die, kill, exec_start, …
        id: Of the object.
        attributes: name, image, exitCode, signal, … as the engine gives them.
    """

    at_ms: float
    kind: str
    action: str
    id: str
    attributes: Mapping[str, str]


class Probe(msgspec.Struct, frozen=True):
    """What came of one probe that the exercise asked for.

    Attributes:
        ok: Whether it could be carried out (not whether the result is the right one).
        error: Why not.
        exit_code: Of the program that it ran.
        container: The probed container after the probe.
        details: Further facts, by the kind of probe.
    """

    name: str
    action: str
    ok: bool
    error: str | None = None
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    wall_ms: float = 0.0
    container: Container | None = None
    build: Build | None = None
    processes: tuple[Process, ...] = ()
    details: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Sections(msgspec.Struct, frozen=True):
    """The parts of the evidence that depend on the profile; ``None`` where not observed."""

    run: Run | None = None
    oom: Oom | None = None
    processes: Processes | None = None
    cgroups: tuple[Cgroup, ...] | None = None
    networks: tuple[NetworkNamespace, ...] | None = None
    build: Build | None = None
    engine: Engine | None = None
    events: tuple[Event, ...] | None = None
    probes: Mapping[str, Probe] | None = None
    setup: Run | None = None


class Evidence(msgspec.Struct, frozen=True):
    """Everything that was observed about one submission.

    A section that was not observed raises `NotObservedError` when a check reads it, and the check is
    skipped for that reason.
    """

    exercise: str
    exercise_digest: str
    participant: str
    parameters: Mapping[str, Value]
    files: Mapping[str, AnswerFile]
    profile: str
    machine: Machine
    sections: Sections
    schema: int = SCHEMA

    @property
    def run(self) -> Run:
        """The answer's own run."""
        return _observed("run", self.sections.run)

    @property
    def oom(self) -> Oom:
        """OOM kills inside the sandbox."""
        return _observed("oom", self.sections.oom)

    @property
    def processes(self) -> Processes:
        """Processes inside the sandbox."""
        return _observed("processes", self.sections.processes)

    @property
    def cgroups(self) -> Mapping[str, Cgroup]:
        """Control groups of the sandbox, by path; "/" is the sandbox's own."""
        return {group.path: group for group in _observed("cgroups", self.sections.cgroups)}

    @property
    def networks(self) -> Mapping[int, NetworkNamespace]:
        """Network namespaces of the sandbox's processes, by inode."""
        return {space.inode: space for space in _observed("networks", self.sections.networks)}

    @property
    def build(self) -> Build:
        """The build of the answer's Dockerfile."""
        return _observed("build", self.sections.build)

    @property
    def engine(self) -> Engine:
        """What the disposable engine held at the end."""
        return _observed("engine", self.sections.engine)

    @property
    def events(self) -> tuple[Event, ...]:
        """The engine's events, in order."""
        return _observed("events", self.sections.events)

    @property
    def setup(self) -> Run:
        """The run of the exercise's setup, which was over before the answer began."""
        return _observed("setup", self.sections.setup)

    def probe(self, name: str) -> Probe:
        """Return the result of the probe called `name`."""
        return _observed(f"probe {name}", (self.sections.probes or {}).get(name))

    def answer(self, name: str) -> str:
        """Return the text of the answer file called `name`."""
        return _observed(f"answer file {name}", self.files.get(name)).text


def _observed(name: str, section: _Section | None) -> _Section:
    if section is None:
        raise NotObservedError(name)
    return section


def to_json(evidence: Evidence) -> bytes:
    """Return the canonical JSON of `evidence`: UTF-8, keys in a fixed order, no white space."""
    return msgspec.json.encode(evidence, order="deterministic")


_DECODER = msgspec.json.Decoder(Evidence)


def from_json(data: bytes) -> Evidence:
    """Read evidence from its JSON.

    Raises:
        BundleError: It is no evidence, or of another schema.
    """
    try:
        evidence = _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BundleError(f"not evidence: {error}") from error
    if evidence.schema != SCHEMA:
        raise BundleError(f"evidence of schema {evidence.schema}, this version reads {SCHEMA}")
    return evidence


def digest(data: bytes) -> str:
    """Return the address of a canonical JSON, as ``sha256:…``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
