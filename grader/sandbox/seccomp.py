"""System call filters of the profiles: what no answer needs and attacks begin with."""

from __future__ import annotations

import errno
import platform
from typing import Any

from grader.model import Profile

# Only the native architecture is listed: calls through any other (int 0x80, x32) end the process.
_ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}

_NEVER = (
    "acct add_key adjtimex bpf clock_adjtime clock_settime delete_module fanotify_init finit_module"
    " init_module ioperm iopl kcmp kexec_file_load kexec_load lookup_dcookie nfsservctl"
    " open_by_handle_at perf_event_open quotactl quotactl_fd reboot request_key settimeofday"
    " swapoff swapon sysfs syslog uselib userfaultfd ustat vhangup"
).split()
# ENOSYS makes programs fall back: glibc from clone3 to clone, whose flags a filter can see.
_ABSENT = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register")
_MOUNTS = (
    "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree"
    " pivot_root setns umount umount2"
).split()

_CLONE_NEWUSER = 0x10000000
_NAMESPACE_FLAGS = (0x00020000, 0x02000000, 0x04000000, 0x08000000, _CLONE_NEWUSER, 0x20000000, 0x40000000)

_AF_NETLINK = 16
# UNIX, INET, INET6 and NETLINK stay; what lies between and beyond them goes. A family with any of its
# upper 32 bits set is above 16 too, so it cannot slip past although the kernel looks at the lower ones.
_FAMILIES_BETWEEN = (0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15)
_NETLINK_KOBJECT_UEVENT = 15


# The kernel counts watchers also for who made the user namespace, and that is the host's root, who has 128
# (fs.inotify.max_user_instances): one answer could take them all. `tail -f` polls instead.
_WATCHERS = ("inotify_init", "inotify_init1")


def _deny(
    names: list[str] | tuple[str, ...], code: int = errno.EPERM, *args: dict[str, Any]
) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": code, "args": list(args)}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _at_least(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_GE"}


def _has_flag(index: int, flag: int) -> dict[str, Any]:
    return {"index": index, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}


def _sockets(profile: Profile) -> list[dict[str, Any]]:
    engine = profile is Profile.DOCKER  # needs packet sockets and netfilter's netlink for its bridges
    beyond = 18 if engine else _AF_NETLINK + 1
    # socketpair() makes two sockets of any family before it asks whether they can be a pair.
    calls = ["socket", "socketpair"]
    rules = [_deny(calls, errno.EAFNOSUPPORT, _equal(0, family)) for family in _FAMILIES_BETWEEN]
    rules.append(_deny(calls, errno.EAFNOSUPPORT, _at_least(0, beyond)))
    if engine:
        return rules
    protocols = range(1, _NETLINK_KOBJECT_UEVENT)
    netlink = _equal(0, _AF_NETLINK)
    rules += [_deny(["socket"], errno.EPROTONOSUPPORT, netlink, _equal(2, number)) for number in protocols]
    rules.append(_deny(["socket"], errno.EPROTONOSUPPORT, netlink, _at_least(2, _NETLINK_KOBJECT_UEVENT + 1)))
    return rules


def filters(profile: Profile) -> dict[str, Any]:
    """Return the ``linux.seccomp`` object of `profile`.

    Source: the OCI runtime specification, config-linux.md, "Seccomp"; errno values are Linux's.
    """
    flags = _NAMESPACE_FLAGS if profile is Profile.PLAIN else (_CLONE_NEWUSER,)
    rules = [_deny(_NEVER), _deny(_ABSENT, errno.ENOSYS), *_sockets(profile)]
    rules += [_deny(["clone", "unshare"], errno.EPERM, _has_flag(0, flag)) for flag in flags]
    if profile is Profile.PLAIN:
        rules.append(_deny(_MOUNTS))
    if profile is not Profile.DOCKER:  # a container runtime gives each container a session keyring
        rules += [_deny(["keyctl"]), _deny(_WATCHERS, errno.ENOSYS)]
    machine = platform.machine()
    architectures = [_ARCHITECTURES[machine]] if machine in _ARCHITECTURES else []
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": architectures, "syscalls": rules}
