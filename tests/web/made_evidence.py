"""Evidence that no run gives, for pictures: kills at chosen moments, layers of chosen sizes, too much."""

from __future__ import annotations

from msgspec.structs import replace

from grader.evidence import (
    Cgroup,
    Engine,
    Event,
    Evidence,
    HistoryStep,
    Image,
    ImageConfig,
    Layer,
    LayerFile,
    Machine,
    Oom,
    OomKill,
    Process,
    Processes,
    Run,
    Sample,
    Sections,
)

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e\"'&" * 9
MIB = 1 << 20
NO_CONFIG = ImageConfig(None, None, {}, "", "", {}, (), (), "", None)


def evidence(**sections: object) -> Evidence:
    """Return evidence with these sections."""
    machine = Machine("6.1", 2, "crun", "1.0")
    return Evidence("a4", "", "ada", {}, {}, "plain", machine, Sections(**sections))  # type: ignore[arg-type]


def group(samples: int, *, path: str = "/", kills: int = 0, most: int = 60 * MIB) -> Cgroup:
    """Return a group under a cap of 64 MiB that was looked at every 10 ms."""
    seen = tuple(Sample(10.0 * at, (at * 7919 * MIB) % (most + 1)) for at in range(samples))
    return Cgroup(path, 64 * MIB, 0, 64 * MIB, 0, kills, None, (), seen, alive=False)


def kill(pid: int, name: str = "victim", path: str = "/") -> OomKill:
    """Return a kill whose limit was hit in a group."""
    return OomKill(path, path, pid, name, 0)


def process(
    pid: int, parent: int, *ids: int, seen_ms: tuple[float, float] = (0, 100), name: str = "sh"
) -> Process:
    """Return a process with an id at each of these levels."""
    return Process(pid, parent, ids, name, (name, "-c", "true"), 0, "/", {}, seen_ms)


def processes(*every: Process, alive: tuple[int, ...] = ()) -> Processes:
    """Return what was seen of processes."""
    return Processes(every, alive, (), {}, {})


def layer(*sizes: int, prefix: str = "/f", removes: tuple[str, ...] = (), base: bool = False) -> Layer:
    """Return a layer with files of these sizes."""
    files = tuple(
        LayerFile(f"{prefix}{place}", "file", size, 0o644, 0, 0) for place, size in enumerate(sizes)
    )
    return Layer("sha256:" + "0" * 64, sum(sizes), base, () if base else files, removes, (), {})


def image(*layers: Layer, tag: str = "answer:latest") -> Image:
    """Return an image of these layers, each made by a step of its own."""
    steps = tuple(HistoryStep(f"RUN step {place}", empty=False) for place in range(len(layers)))
    return Image("sha256:" + "1" * 64, (tag,), NO_CONFIG, steps, layers)


def too_much() -> Evidence:
    """Return evidence that fills every picture with as much as it can hold, and with hostile words."""
    names = {"name": HOSTILE, "image": HOSTILE, "exitCode": HOSTILE, "signal": HOSTILE}
    events = tuple(
        Event(float(at), "container", "start" if at % 2 else "die", f"{at % 40:064}", names)
        for at in range(1_000)
    )
    groups = tuple(group(3_000, path=f"/{HOSTILE}{place}", kills=9) for place in range(20))
    kills = tuple(kill(at if at % 3 else 1, HOSTILE, groups[at % 20].path) for at in range(700))
    every = tuple(
        replace(process(at + 1, at, *range(9), seen_ms=(0, at * 1e9), name=HOSTILE), argv=(HOSTILE,) * 9)
        for at in range(700)
    )
    layers = tuple(layer(*[at] * 10, prefix=HOSTILE, removes=(HOSTILE,) * 9) for at in range(60))
    made = replace(
        image(*layers, tag=HOSTILE), history=tuple(HistoryStep(HOSTILE, empty=False) for _ in layers)
    )
    return evidence(
        run=Run("output", 0, HOSTILE * 2_000, "\x00" * 100_000, True, 2e5),
        oom=Oom(kills, {}),
        processes=processes(*every, alive=tuple(range(1, 700, 3))),
        cgroups=groups,
        engine=Engine(**(dict.fromkeys(Engine.__struct_fields__, ()) | {"images": (made,) * 4})),
        events=events,
    )
