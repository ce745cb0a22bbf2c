"""System call filters, by making the calls: Perl's `syscall` takes any number and 64-bit arguments."""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Callable

import pytest

from grader.model import Profile
from grader.sandbox import seccomp

X86_64 = platform.machine() == "x86_64"
# Numbers differ by architecture up to Linux 5.1; these are x86-64's and the generic table's (aarch64).
_TABLE = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsopen": (430, 430),
    "init_module": (175, 105),
    "inotify_init1": (294, 26),
    "io_uring_setup": (425, 425),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
_NEVER = (
    "acct add_key adjtimex bpf clock_settime delete_module fanotify_init finit_module init_module"
    " kexec_load open_by_handle_at perf_event_open quotactl reboot request_key settimeofday swapon"
    " syslog userfaultfd"
).split()
_MOUNTS = "chroot fsopen mount mount_setattr move_mount open_tree pivot_root setns umount2".split()
_NAMESPACE_FLAGS = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
_NEWUSER = 0x10000000
_HIGH = 1 << 32
_PROFILES = (Profile.PLAIN, Profile.NAMESPACES, Profile.CGROUPS)

_PERL = r"""
my $path = "/\0";
while (<STDIN>) {
    my ($name, @call) = split;
    @call = map { $_ eq "path" ? $path : $_ + 0 } @call;
    push @call, 0 while @call < 6;
    my $result = syscall($call[0], @call[1 .. 5]);
    print $name, " ", $result == -1 ? $! + 0 : 0, "\n";
}
"""
Run = Callable[..., object]


def _calls(
    run: Run, profile: Profile, calls: dict[str, tuple[str, *tuple[int | str, ...]]]
) -> dict[str, str]:
    """Make `calls` inside and return the names of their errors ("" where there was none) by label."""
    column = 0 if X86_64 else 1
    lines = [
        " ".join(map(str, (label, _TABLE[name][column], *args))) for label, (name, *args) in calls.items()
    ]
    result = run(
        profile,
        'printf "%s\\n" "$2" >/tmp/calls; exec perl -e "$1" </tmp/calls',
        _PERL,
        "\n".join(lines),
    )
    assert len(result.lines) == len(calls), result
    return {
        label: errno.errorcode.get(int(code), "") for label, code in (line.split() for line in result.lines)
    }


@pytest.mark.sandbox
@pytest.mark.parametrize("profile", _PROFILES)
def test_calls_that_no_answer_needs_are_refused(run_in: Run, profile: Profile) -> None:
    """Modules, keys, clocks, tracing, the kernel log and their like."""
    found = _calls(run_in, profile, {name: (name,) for name in (*_NEVER, "keyctl")})
    assert set(found.values()) == {"EPERM"}, found


@pytest.mark.sandbox
@pytest.mark.parametrize("profile", _PROFILES)
def test_calls_that_no_filter_sees_through_are_absent(run_in: Run, profile: Profile) -> None:
    """Programs fall back to calls whose arguments a filter can see."""
    found = _calls(run_in, profile, {name: (name,) for name in ("clone3", "io_uring_setup")})
    assert set(found.values()) == {"ENOSYS"}, found


@pytest.mark.sandbox
def test_plain_answers_make_no_namespaces_and_no_mounts(run_in: Run) -> None:
    """Neither by clone nor by unshare, also with other bits set."""
    calls = {name: (name, "path", "path") for name in _MOUNTS}
    for flag in _NAMESPACE_FLAGS:
        calls[f"unshare:{flag:x}"] = ("unshare", flag)
        calls[f"clone:{flag:x}"] = ("clone", flag | 17)
        calls[f"high:{flag:x}"] = ("unshare", flag | _HIGH)
    found = _calls(run_in, Profile.PLAIN, calls)
    assert set(found.values()) == {"EPERM"}, found


@pytest.mark.sandbox
@pytest.mark.parametrize("profile", _PROFILES)
def test_watchers_are_absent(run_in: Run, profile: Profile) -> None:
    """They count for the host's root as well; following a file works without."""
    found = _calls(run_in, profile, {"inotify_init1": ("inotify_init1",)})
    assert set(found.values()) == {"ENOSYS"}, found
    result = run_in(profile, "echo a >f; (sleep 0.2; echo b >>f) & timeout 2 tail -s 0.1 -f f | head -2")
    assert result.lines == ["a", "b"]


@pytest.mark.sandbox
@pytest.mark.parametrize("profile", _PROFILES)
def test_nobody_makes_user_namespaces(run_in: Run, profile: Profile) -> None:
    """They would give all capabilities back."""
    calls = {
        "unshare": ("unshare", _NEWUSER),
        "all": ("unshare", _NEWUSER | 0x20000),
        "clone": ("clone", _NEWUSER | 17),
        "high": ("unshare", _NEWUSER | _HIGH),
    }
    found = _calls(run_in, profile, calls)
    assert set(found.values()) == {"EPERM"}, found


@pytest.mark.sandbox
@pytest.mark.parametrize("profile", _PROFILES)
@pytest.mark.parametrize("call", ["socket", "socketpair"])
def test_exotic_sockets_are_refused(run_in: Run, profile: Profile, call: str) -> None:
    """All families but UNIX, INET, INET6 and NETLINK, however the number is written."""
    calls = {}
    for family in (0, *range(3, 10), *range(11, 16), *range(17, 50)):
        for high in (0, _HIGH, _HIGH << 20, -(1 << 63)):
            calls[f"{family}:{high:x}"] = (call, family | high, 3, 0)
    for family in (1, 2, 10, 16):
        calls[f"upper:{family}"] = (call, family | _HIGH, 1, 0)
    found = _calls(run_in, profile, calls)
    assert set(found.values()) == {"EAFNOSUPPORT"}, found


@pytest.mark.sandbox
@pytest.mark.parametrize("profile", _PROFILES)
def test_netlink_is_for_routes_and_device_events_alone(run_in: Run, profile: Profile) -> None:
    """Netfilter, audit, generic netlink and their like are closed, also to 64-bit numbers."""
    closed = {f"{number}": ("socket", 16, 3, number) for number in (*range(1, 15), *range(16, 24))}
    closed |= {f"high:{number}": ("socket", 16, 3, number | _HIGH) for number in (0, 4, 9, 12, 15, 16)}
    found = _calls(run_in, profile, closed)
    assert set(found.values()) == {"EPROTONOSUPPORT"}, found
    opened = {"route": ("socket", 16, 3, 0), "uevent": ("socket", 16, 3, 15), "unix": ("socket", 1, 1, 0)}
    found = _calls(run_in, profile, opened)
    assert set(found.values()) == {""}, found


def _elf(code: bytes) -> bytes:
    """Return the smallest x86-64 executable that runs `code`."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    start, size = 0x400000, 64 + 56 + len(code)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 4096)
    return header + segment + code


@pytest.mark.sandbox
@pytest.mark.skipif(not X86_64, reason="other architectures have no second call table")
@pytest.mark.parametrize("profile", _PROFILES)
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("b814000000 cd80", id="i386"),  # mov eax, getpid; int 0x80
        pytest.param("b827000040 0f05", id="x32"),  # mov eax, X32 | getpid; syscall
    ],
)
def test_other_call_tables_end_the_process(run_in: Run, profile: Profile, code: str) -> None:
    """A filter for one architecture says nothing about another's numbers: SIGSYS (31)."""
    leave = "89c7 b83c000000 0f05"  # mov edi, eax; mov eax, exit; syscall
    result = run_in(
        profile,
        "/answer/program; echo $?",
        files={"program": _elf(bytes.fromhex(code + leave))},
    )
    assert result.lines == [str(128 + 31)], result


def test_every_filter_lists_the_native_architecture_alone() -> None:
    """Whatever else is called ends the process."""
    for profile in (*_PROFILES, Profile.DOCKER):
        assert len(seccomp.filters(profile)["architectures"]) <= 1


def test_the_engine_may_have_packet_sockets_but_no_user_namespaces() -> None:
    """It needs AF_PACKET and netfilter's netlink, and nothing of what opens more of the kernel."""
    rules = seccomp.filters(Profile.DOCKER)["syscalls"]
    refused = {name for rule in rules if not rule["args"] for name in rule["names"]}
    assert {"bpf", "userfaultfd", "add_key", "init_module", "perf_event_open", "syslog"} <= refused
    assert "keyctl" not in refused
    assert any(
        "unshare" in rule["names"] and rule["args"][0]["value"] == _NEWUSER for rule in rules if rule["args"]
    )
