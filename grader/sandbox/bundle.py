"""OCI bundles: what each profile may see, hold and use, as the runtime's `config.json`."""

from __future__ import annotations

import resource
from base64 import b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from grader.model import MIB, Limits, Profile
from grader.sandbox import seccomp
from grader.sandbox.identity import IDS

_NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "user", "cgroup")
_HANDS_ON = ("SYS_ADMIN", "SYS_CHROOT", "SETUID", "SETGID", "KILL")
_ENGINE = (
    *("SYS_ADMIN", "NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SYS_CHROOT", "SETUID", "SETGID", "SETPCAP"),
    *("SETFCAP", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "KILL", "AUDIT_WRITE"),
    # To enter the namespaces of a container whose first process is not root: proc(5), /proc/PID/ns.
    "SYS_PTRACE",
)
# All of them count inside the sandbox's own user namespace only.
CAPABILITIES: dict[Profile, tuple[str, ...]] = {
    Profile.PLAIN: (),
    Profile.NAMESPACES: _HANDS_ON,
    Profile.CGROUPS: _HANDS_ON,
    Profile.DOCKER: _ENGINE,
}
LEARNER = 1000

_MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/timer_list"]
_READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
_DATA_ROOT = "/var/lib/docker"
_COMPILED = "run.oci.seccomp_bpf_data"  # crun(1)
_CPU_PERIOD_US = 100_000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One sandbox to be.

    Attributes:
        rootfs: Root file system on the host; mounted read-only.
        cgroup: Path of its control group, from the hierarchy's root.
        first_id: Host id of its root.
        args: Its first process.
        binds: Host directory by mount point; read-only.
        env: Besides PATH, HOME and LANG.
        swap: Whether the machine accounts for swap, so that it can be forbidden.
        unified: Whether it has cgroup v2 alone.
        disk: Directory on the host that becomes an engine's data root; a memory file system where it is none.
        filters: The profile's system call filters as crun has compiled them before, or nothing.
    """

    profile: Profile
    limits: Limits
    rootfs: str
    cgroup: str
    first_id: int
    args: tuple[str, ...]
    binds: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    swap: bool = True
    unified: bool = False
    disk: str = ""
    filters: bytes = b""

    def config(self) -> dict[str, Any]:
        """Return the bundle's configuration (OCI runtime specification 1.0.2)."""
        mapping = [{"containerID": 0, "hostID": self.first_id, "size": IDS}]
        return {
            "ociVersion": "1.0.2",
            "process": process(self.profile, self.limits, self.args, self.env),
            "root": {"path": self.rootfs, "readonly": True},
            "hostname": "sandbox",
            # Instead of compiling "seccomp" once more, a tenth of a start; who does not know it does that.
            "annotations": {_COMPILED: b64encode(self.filters).decode()} if self.filters else {},
            "mounts": [*_mounts(self.profile, self.limits, self.disk), *map(_bind, self.binds.items())],
            "linux": {
                "uidMappings": mapping,
                "gidMappings": mapping,
                "namespaces": [{"type": kind} for kind in _NAMESPACES],
                "cgroupsPath": self.cgroup,
                "resources": self._resources(),
                "seccomp": _filters(self.profile),
                # A fresh proc can be mounted in a nested PID namespace only where none of the outer one
                # is hidden (mount_namespaces(7)); elsewhere the user namespace alone has to keep it safe.
                "maskedPaths": _MASKED if self.profile is Profile.PLAIN else [],
                "readonlyPaths": _READ_ONLY if self.profile is Profile.PLAIN else [],
            },
        }

    def _resources(self) -> dict[str, Any]:
        resources = _resources(self.limits, swap=self.swap)
        if self.unified and self.profile is Profile.NAMESPACES:
            # crun hands every sandbox its group under v2: here, no group may be made in it.
            resources["unified"] = {"cgroup.max.descendants": "0"}
        return resources


def process(
    profile: Profile, limits: Limits, args: tuple[str, ...], env: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return an OCI process object with the rights of `profile`: of a bundle, or to run inside one."""
    plain = profile is Profile.PLAIN
    user = _user(profile)
    home = "/root" if profile is Profile.DOCKER else "/work"
    capabilities = [f"CAP_{name}" for name in CAPABILITIES[profile]]
    rlimits = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": _open_files(65_536 if profile is Profile.DOCKER else 1024)}
    if plain:
        rlimits["RLIMIT_FSIZE"] = limits.disk_bytes
    environment = {"PATH": _PATH, "HOME": home, "LANG": "C.UTF-8", **(env or {})}
    return {
        "user": {"uid": user, "gid": user},
        "args": list(args),
        "env": [f"{name}={value}" for name, value in environment.items()],
        "cwd": "/work",
        "capabilities": dict.fromkeys(
            ("bounding", "effective", "permitted", "inheritable", "ambient"), capabilities
        ),
        "rlimits": [{"type": kind, "soft": value, "hard": value} for kind, value in rlimits.items()],
        "noNewPrivileges": True,
        "oomScoreAdj": 500,
    }


def _user(profile: Profile) -> int:
    return LEARNER if profile is Profile.PLAIN else 0


def _open_files(wanted: int) -> int:
    """Return `wanted`, or what this process may have itself: no more can be given away."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


@cache
def _filters(profile: Profile) -> dict[str, Any]:
    return seccomp.filters(profile)


def _resources(limits: Limits, *, swap: bool) -> dict[str, Any]:
    memory = {"limit": limits.memory_bytes}
    if swap:
        memory["swap"] = limits.memory_bytes  # memory and swap together: none beyond the memory
    return {
        "memory": memory,
        "pids": {"limit": limits.pids},
        "cpu": {"period": _CPU_PERIOD_US, "quota": int(limits.cpus * _CPU_PERIOD_US)},
    }


def _bind(bind: tuple[str, str]) -> dict[str, Any]:
    target, source = bind
    return {
        "destination": target,
        "type": "none",
        "source": source,
        "options": ["bind", "ro", "nosuid", "nodev"],
    }


def _tmpfs(path: str, size: int, *options: str) -> dict[str, Any]:
    return {
        "destination": path,
        "type": "tmpfs",
        "source": "tmpfs",
        # Inodes are kernel memory: a bound for them besides the one for bytes.
        "options": [f"size={size}", f"nr_inodes={max(2_000, size // 2_000)}", *options],
    }


def _data_root(limits: Limits, disk: str) -> dict[str, Any]:
    if not disk:
        return _tmpfs(_DATA_ROOT, limits.disk_bytes, "mode=711")
    return {"destination": _DATA_ROOT, "type": "none", "source": disk, "options": ["bind", "rw", "nodev"]}


def _mounts(profile: Profile, limits: Limits, disk: str) -> list[dict[str, Any]]:
    safe = ("nosuid", "nodev")
    user = _user(profile)
    mounts: list[dict[str, Any]] = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        _tmpfs("/dev", MIB, "nosuid", "strictatime", "mode=755"),
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        _tmpfs("/dev/shm", 16 * MIB, *safe, "noexec", "mode=1777"),  # noqa: S108  (inside the sandbox)
        _tmpfs("/tmp", limits.disk_bytes, *safe, "mode=1777"),  # noqa: S108  (inside the sandbox)
        # Its owner is the answer's user: runc 1.1 gives it the mode of the directory below instead.
        _tmpfs("/work", limits.disk_bytes, *safe, "mode=1777", f"uid={user}", f"gid={user}"),
    ]
    if profile is Profile.PLAIN:
        return mounts
    mounts.append(_tmpfs("/run", 64 * MIB, *safe, "mode=755"))
    mounts.append(
        {
            "destination": "/sys",
            "type": "sysfs",
            "source": "sysfs",
            # The kernel refuses an engine's privileged containers a sysfs wherever this one is read-only
            # as a whole (mount_too_revealing() in fs/namespace.c). Its files are the host's root's anyway.
            "options": ["nosuid", "noexec", "nodev", "rw" if profile is Profile.DOCKER else "ro"],
        }
    )
    mounts.append(
        {
            "destination": "/sys/fs/cgroup",
            "type": "cgroup",
            "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "rw"],
        }
    )
    if profile is Profile.DOCKER:  # overlay needs device nodes and set-uid bits in its data root
        mounts.append(_data_root(limits, disk))
        mounts += [_tmpfs(path, 16 * MIB, *safe, "mode=755") for path in ("/etc/docker", "/root", "/var/log")]
    return mounts
