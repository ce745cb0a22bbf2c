"""Says what the figures were measured on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import grader
from grader.sandbox import images
from grader.sandbox.sandbox import Host


def facts(host: Host, yardstick_version: str) -> dict[str, object]:
    """Return the machine's facts and the versions of everything that was measured."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "grader": grader.__version__,
        "python": platform.python_version(),
        "kernel": os.uname().release,
        "architecture": os.uname().machine,
        "processors": os.cpu_count(),
        "processor": _processor(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_average": os.getloadavg(),
        "cgroup_version": host.hierarchy.version,
        "runtime": f"{host.runtime.name} {host.runtime.version}",
        "engine": images.golden(host.settings).engine_version,
        "yardstick": f"Docker Engine {yardstick_version}, overlay2, runc, classic builder",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""
