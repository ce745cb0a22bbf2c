"""Examines this machine: what it offers, what is missing, and how to mend it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError, SandboxError, UnavailableError
from grader.model import ENGINE_LIMITS, Limits, Profile
from grader.sandbox import cgroup, disk, images, kernel, runtime
from grader.sandbox.engine import Engine
from grader.sandbox.identity import IDS
from grader.sandbox.sandbox import Host, Sandbox
from grader.settings import Settings

_LOW_DISK = 2 << 30
_ENGINE_MODULES = (
    "overlay",
    "bridge",
    "veth",
    "nf_tables",
    "nf_nat",
    "xt_MASQUERADE",
    "xt_conntrack",
    "xt_addrtype",
)
_TRIAL_SECONDS = 10.0
# What is hardest to watch over and to remove for somebody with too few rights: a group of the answer's own.
_TRIAL = {
    Profile.PLAIN: ("/bin/true",),
    Profile.NAMESPACES: ("/bin/unshare", "--pid", "--fork", "/bin/true"),
    Profile.CGROUPS: (
        *("/bin/sh", "-c"),
        "cd /sys/fs/cgroup; if test -f cgroup.controllers; then mkdir trial; else mkdir memory/trial; fi",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined.

    Attributes:
        ok: ``False`` where something depends on it that cannot work.
        value: What is there.
        mend: What to type, where something is missing.
    """

    name: str
    ok: bool
    value: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a profile can be given here; proven by running something in it."""

    profile: Profile
    available: bool
    reason: str = ""
    mend: str = ""
    trial_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, and what they mean for each profile."""

    findings: tuple[Finding, ...]
    profiles: tuple[Availability, ...]

    @property
    def healthy(self) -> bool:
        """Whether every profile is available."""
        return all(profile.available for profile in self.profiles)


def examine(settings: Settings) -> Diagnosis:
    """Look at everything, and try each profile for real; call it before the first thread is started."""
    findings = tuple(look(settings) for look in _LOOKS)
    try:
        host = Host.prepare(settings)
    except UnavailableError as error:
        profiles = tuple(
            Availability(profile, available=False, reason=error.reason, mend=error.mend)
            for profile in _TRIALS
        )
    else:
        profiles = tuple(_try(host, profile) for profile in _TRIALS)
    return Diagnosis(findings, profiles)


def _try(host: Host, profile: Profile) -> Availability:
    started = time.monotonic()
    try:
        _TRIALS[profile](host, profile)
    except UnavailableError as error:
        return Availability(profile, available=False, reason=error.reason, mend=error.mend)
    except (GraderError, OSError) as error:
        return Availability(profile, available=False, reason=str(error))
    return Availability(profile, available=True, trial_ms=(time.monotonic() - started) * 1000)


def _try_shell(host: Host, profile: Profile) -> None:
    rootfs = str(images.rootfs(host.settings, "base"))
    with Sandbox(host, profile, Limits()) as sandbox:
        log = os.memfd_create("trial", os.MFD_CLOEXEC)
        try:
            sandbox.launch(rootfs, _TRIAL[profile], stdout=log, stderr=log)
            deadline = time.monotonic() + _TRIAL_SECONDS
            while sandbox.alive():
                if time.monotonic() > deadline:
                    raise SandboxError("a trial sandbox did not end")
                time.sleep(0.002)
            if status := sandbox.end():
                raise SandboxError(f"a trial sandbox ended with {status}: {os.pread(log, 500, 0)!r}")
        finally:
            os.close(log)


def _try_engine(host: Host, _: Profile) -> None:
    images.rootfs(host.settings, "engine")
    with Engine(host, ENGINE_LIMITS) as engine:
        engine.start()
        status = engine.execute(("/bin/true",), wall_seconds=_TRIAL_SECONDS, output_bytes=1000)[1]
    if status:
        raise SandboxError(f"a command beside a trial engine ended with {status}")


_TRIALS: dict[Profile, Callable[[Host, Profile], None]] = {
    Profile.PLAIN: _try_shell,
    Profile.NAMESPACES: _try_shell,
    Profile.CGROUPS: _try_shell,
    Profile.DOCKER: _try_engine,
}


def _rights(_: Settings) -> Finding:
    if os.geteuid() == 0:
        return Finding("rights", ok=True, value="root")
    return Finding("rights", ok=False, value=f"uid {os.geteuid()}", mend="sudo grader …")


def _runtime(settings: Settings) -> Finding:
    try:
        found = runtime.find(settings.runtime)
    except UnavailableError as error:
        return Finding("runtime", ok=False, value=error.reason, mend=error.mend)
    return Finding("runtime", ok=True, value=f"{found.name} {found.version} ({found.path})")


def _cgroups(_: Settings) -> Finding:
    try:
        hierarchy = cgroup.detect()
        cgroup.prepare(hierarchy)
    except UnavailableError as error:
        return Finding("cgroups", ok=False, value=error.reason, mend=error.mend)
    layout = "v1, hybrid" if kernel.is_hybrid() else f"v{hierarchy.version}"
    swap = "" if hierarchy.swap else ", swap is not accounted"
    return Finding("cgroups", ok=True, value=f"{layout}, delegation works{swap}")


def _kernel_log(_: Settings) -> Finding:
    mend = "run as root; in a container give it --device /dev/kmsg:/dev/kmsg:r, CAP_SYSLOG and --pid host"
    if not kernel.counts_pids_of_the_machine():
        return Finding("kernel log", ok=False, value="process ids here are not the machine's", mend=mend)
    try:
        descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Finding("kernel log", ok=False, value=str(error), mend=mend)
    try:
        os.read(descriptor, 8192)
    except BlockingIOError:
        pass  # empty, but readable
    except BrokenPipeError:
        pass  # the oldest record was overwritten between open and read
    except OSError as error:
        return Finding("kernel log", ok=False, value=str(error), mend=mend)
    finally:
        os.close(descriptor)
    return Finding("kernel log", ok=True, value="readable")


def _seccomp(_: Settings) -> Finding:
    actions = _read("/proc/sys/kernel/seccomp/actions_avail")
    if "errno" in actions:
        return Finding("seccomp", ok=True, value="filters available")
    return Finding("seccomp", ok=False, value="no filters", mend="a kernel with CONFIG_SECCOMP_FILTER")


def _apparmor(_: Settings) -> Finding:
    enabled = _read("/sys/module/apparmor/parameters/enabled") == "Y"
    if not enabled:
        return Finding("AppArmor", ok=True, value="off")
    restricted = _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
    return Finding("AppArmor", ok=True, value="on, restricts unprivileged users only" if restricted else "on")


def _user_namespaces(_: Settings) -> Finding:
    limit = _read("/proc/sys/user/max_user_namespaces") or "0"
    if int(limit) > 0:
        return Finding("user namespaces", ok=True, value=f"at most {limit}")
    return Finding(
        "user namespaces", ok=False, value="none allowed", mend="sysctl -w user.max_user_namespaces=15000"
    )


def _ids(_: Settings) -> Finding:
    ranges = [line.split() for line in _read("/proc/self/uid_map").splitlines()]
    total = sum(int(size) for _, _, size in ranges)
    if total >= 1 << 31:
        return Finding("sub-ids", ok=True, value=f"{IDS} for each sandbox, above {0x7000_0000}")
    return Finding(
        "sub-ids",
        ok=False,
        value=f"only {total} ids here",
        mend="run the grader outside a user namespace (no rootless or remapped container)",
    )


def _null_device(_: Settings) -> Finding:
    status = os.stat("/dev/null")
    if status.st_uid == 0 and stat.S_ISCHR(status.st_mode) and status.st_mode & 0o666 == 0o666:
        return Finding("/dev/null", ok=True, value="root's")
    return Finding(
        "/dev/null",
        ok=False,
        value=f"owned by {status.st_uid}, mode {stat.S_IMODE(status.st_mode):o}",
        mend="chown root:root /dev/null && chmod 666 /dev/null",
    )


def _modules(_: Settings) -> Finding:
    loaded = {line.split()[0] for line in _read("/proc/modules").splitlines()}
    built_in = {entry.name for entry in os.scandir("/sys/module")}
    with suppress(OSError):
        names = Path(f"/lib/modules/{os.uname().release}/modules.builtin").read_text().splitlines()
        built_in |= {Path(name).stem for name in names}
    missing = [name for name in _ENGINE_MODULES if name not in loaded | built_in]
    if not missing:
        return Finding("engine's kernel modules", ok=True, value="there")
    # A module without parameters that is built in leaves no trace: say so instead of guessing.
    return Finding(
        "engine's kernel modules",
        ok=True,
        value=f"not seen: {', '.join(missing)} (built in, or to be loaded)",
        mend=f"modprobe -a {' '.join(missing)}",
    )


def _data_root(_: Settings) -> Finding:
    name = "engine's data root"
    if kernel.keeps_user_attributes():
        return Finding(name, ok=True, value="in memory: tmpfs keeps user attributes")
    missing = disk.unavailable()
    if missing is None:
        return Finding(name, ok=True, value="on disk, by loop devices: tmpfs keeps no user attributes here")
    value = f"tmpfs keeps no user attributes here, and {missing.reason}"
    return Finding(name, ok=False, value=value, mend=f"Linux 6.6 or later, or {missing.mend}")


def _images(settings: Settings) -> Finding:
    try:
        for name in ("base", "engine"):
            images.rootfs(settings, name)
        golden = images.golden(settings)
    except UnavailableError as error:
        return Finding("images", ok=False, value=error.reason, mend=error.mend)
    return Finding("images", ok=True, value=f"base, engine; inside the engine: {', '.join(golden.tags)}")


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.state_dir, *settings.state_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB free at {settings.state_dir}"
    if free >= _LOW_DISK:
        return Finding("disk", ok=True, value=text)
    return Finding("disk", ok=False, value=text, mend="free some space, or set GRADER_STATE_DIR")


_LOOKS: tuple[Callable[[Settings], Finding], ...] = (
    *(_rights, _runtime, _cgroups, _kernel_log, _seccomp, _apparmor, _user_namespaces, _ids),
    *(_null_device, _modules, _data_root, _images, _disk),
)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
