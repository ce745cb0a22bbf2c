"""The namespaces profile: the handout's lines work nested, and lead nowhere else."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.model import MIB, Limits, Profile
from grader.sandbox.sandbox import Host, Sandbox

pytestmark = pytest.mark.sandbox

NAMESPACES = Profile.NAMESPACES
Run = Callable[..., object]


def test_the_handouts_lines_work_twice_nested(run_in: Run) -> None:
    """Its own host name, process tree and devices, in two levels, as typed."""
    result = run_in(
        NAMESPACES,
        """unshare -mnupf --mount-proc /bin/bash <<'OUTER'
hostname; hostname test; hostname; ps ax | wc -l 2>/dev/null || true; ls /sys/class/net >/dev/null
tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '
unshare -mnupf --mount-proc /bin/bash <<'INNER'
hostname inner; hostname; echo $$; ls /proc | grep -c '^[0-9]'
mount -t tmpfs none /mnt; touch /mnt/x && echo mounted
INNER
hostname; ls /mnt
OUTER
hostname""",
    )
    outer, renamed, *rest = [line for line in result.lines if line]
    assert (outer, renamed) == ("sandbox", "test"), result
    assert rest[-6:-1] == ["inner", "1", rest[-4], "mounted", "test"]
    assert int(rest[-4]) <= 4
    assert rest[-1] == "sandbox"
    assert "lo" in rest


def test_processes_at_every_level_are_seen_from_the_host(host: Host, run_in: Run) -> None:
    """The host reads a process id for each nested PID namespace."""
    depths: list[int] = []

    def tick(_: float) -> float:
        for name in os.listdir("/proc"):
            try:
                status = Path(f"/proc/{name}/status").read_text() if name.isdigit() else ""
            except OSError:
                continue
            if "Name:\tdeep" in status:
                depths.append(len(next(x for x in status.splitlines() if x.startswith("NSpid")).split()) - 1)
        return 50

    run_in(
        NAMESPACES,
        "cp /bin/sleep /tmp/deep; unshare -pf unshare -pf /tmp/deep 9",
        limits=Limits(wall_seconds=0.6),
        tick=tick,
    )
    assert max(depths) == 4


def test_its_root_is_nobody_on_the_host(run_in: Run) -> None:
    """Its root holds five capabilities over what is its own, and is an unused id outside."""
    result = run_in(NAMESPACES, "id -u; grep CapBnd /proc/self/status; cat /proc/self/uid_map")
    uid, bound, mapping = result.lines
    assert uid == "0"
    assert int(bound.split()[1], 16) == 1 << 21 | 1 << 18 | 1 << 7 | 1 << 6 | 1 << 5
    assert mapping.split() == ["0", str(result.target.first_id), "65536"]


def test_set_user_id_programs_give_nothing_back(run_in: Run) -> None:
    """Who dropped to another user stays there."""
    result = run_in(
        NAMESPACES,
        "mount -t tmpfs -o suid,dev,exec none /mnt; cp /bin/bash /mnt/b; chmod 4755 /mnt/b;"
        " setpriv --reuid 1000 --regid 1000 --clear-groups /mnt/b -p -c 'id -u'",
    )
    assert result.lines == ["1000"], result


def test_a_fresh_proc_can_be_mounted_but_controls_nothing(run_in: Run) -> None:
    """Files of the machine stay closed through any proc."""
    result = run_in(
        NAMESPACES,
        "mkdir /tmp/p; unshare -pf bash -c 'mount -t proc none /tmp/p && ls -d /tmp/p/1 && cd /tmp/p;"
        " for f in sysrq-trigger sys/kernel/core_pattern sys/vm/drop_caches sys/kernel/modprobe"
        " sys/kernel/sysrq sys/kernel/randomize_va_space sys/fs/file-max sys/vm/overcommit_memory"
        " irq/default_smp_affinity; do"
        " (echo 1 >$f) 2>/dev/null && echo wrote $f; done; for f in kcore kmsg timer_list kpagecount; do"
        " head -c1 $f 2>/dev/null | wc -c; done'",
    )
    assert result.lines == ["/tmp/p/1", "0", "0", "0", "0"], result


@pytest.mark.parametrize("profile", [NAMESPACES, Profile.CGROUPS])
def test_the_root_file_system_cannot_be_made_writable(run_in: Run, base: str, profile: Profile) -> None:
    """It is shared by all sandboxes: neither a remount nor a bind nor an overlay reaches it."""
    before = sorted(os.listdir(f"{base}/var/tmp"))
    result = run_in(
        profile,
        "mount -o remount,rw /; mount -o remount,bind,rw /; touch /var/tmp/a && echo wrote;"
        " mount --bind / /mnt && mount -o remount,bind,rw /mnt; touch /mnt/var/tmp/b && echo wrote;"
        " mount -t tmpfs none /tmp; mkdir /tmp/r; mount --rbind / /tmp/r; mount -o remount,bind,rw /tmp/r;"
        " touch /tmp/r/var/tmp/c && echo wrote; unshare -m bash -c 'mount -o remount,bind,rw /;"
        " touch /var/tmp/d' && echo wrote; mount -o remount,bind,suid,dev,rw / && echo remounted; echo done",
    )
    assert result.lines == ["done"], result
    assert sorted(os.listdir(f"{base}/var/tmp")) == before


def test_the_answers_directory_cannot_be_changed(run_in: Run) -> None:
    """A remount of the mount point does not change whose the files are."""
    kept = []

    def look(sandbox: Sandbox) -> None:
        kept.append({path.name: path.read_bytes() for path in Path(sandbox.answer).iterdir()})

    run_in(
        NAMESPACES,
        "mount -o remount,bind,rw /answer; cd /answer; echo x >a; rm a; touch b; chown 0 a; chmod 777 .",
        files={"a": b"kept"},
        look=look,
    )
    assert kept == [{"a": b"kept"}]


def test_devices_and_file_systems_of_the_host_are_out_of_reach(run_in: Run) -> None:
    """No device can be made, no disk mounted, no debugging file system opened."""
    result = run_in(
        NAMESPACES,
        "mount -t tmpfs -o dev none /mnt; for d in 'b 254 0' 'b 8 0' 'b 7 0' 'c 1 1' 'c 1 11' 'c 10 229'; do"
        " mknod /mnt/x $d 2>/dev/null && echo made $d; done;"
        " for t in debugfs tracefs securityfs pstore configfs efivarfs hugetlbfs ext4 devtmpfs; do"
        " mount -t $t none /mnt 2>/dev/null && echo mounted $t; done;"
        " for d in /dev/vda /dev/sda /dev/loop0 /dev/kmsg /dev/mem /dev/fuse /dev/kvm; do"
        " test -e $d && echo there $d; done; mount --bind /dev /mnt; head -c1 /mnt/kmsg | wc -c;"
        " dmesg | wc -l",
    )
    assert result.lines == ["0", "0"], result


def test_files_of_the_host_stay_unreadable(run_in: Run, tmp_path: Path) -> None:
    """No mount, no chroot and no namespace leads out."""
    secret = tmp_path / "secret"
    secret.write_text("hidden-from-answers")
    result = run_in(
        NAMESPACES,
        'cat "$1"; unshare -m cat "$1"; nsenter -t 1 -m cat "$1"; chroot /proc/1/root cat "$1";'
        ' umount -l /proc; umount -l /work; umount -l /answer; umount -R -l / ; cat "/../../..$1";'
        " ls /run/grader* /var/lib/grader; echo done",
        str(secret),
    )
    assert "hidden" not in result.stdout
    assert result.lines == ["done"]


def test_user_namespaces_are_refused(run_in: Run) -> None:
    """They would give all capabilities."""
    result = run_in(NAMESPACES, "unshare -U true && echo made; unshare -Ur id -u && echo made; echo done")
    assert result.lines == ["done"]


def test_there_is_no_network_in_any_namespace(run_in: Run) -> None:
    """Nothing but loopbacks, and no right to make devices."""
    result = run_in(
        NAMESPACES,
        "unshare -n bash -c 'tail -n +3 /proc/net/dev | cut -d: -f1;"
        " (: <>/dev/tcp/1.1.1.1/80) && echo reached'",
    )
    assert [line.strip() for line in result.lines] == ["lo"]


def test_a_bomb_of_network_namespaces_ends_at_the_memory_cap(run_in: Run) -> None:
    """What the kernel holds for them is charged to who made them: they get ENOMEM or are killed."""
    result = run_in(
        NAMESPACES,
        'perl -e \'$call = shift; for (1 .. 1000) { syscall($call, 0x40000000) == 0 or die "$_: $!";'
        ' open($kept[$_], "/proc/self/ns/net") or die }\''
        f" {272 if os.uname().machine == 'x86_64' else 97}; echo $?",
        limits=Limits(memory_bytes=24 * MIB, wall_seconds=8),
    )
    assert result.lines in (["137"], [str(errno.ENOMEM)]), result
    assert result.peak_bytes <= 24 * MIB
    assert result.end_ms < 5_000


def test_a_bomb_of_nested_mounts_and_trees_is_bounded(run_in: Run) -> None:
    """Doubling bind mounts ends at the kernel's limit or the cap, and tears down fast."""
    result = run_in(
        NAMESPACES,
        "mkdir /tmp/m; mount -t tmpfs none /tmp/m; mkdir /tmp/m/a;"
        " for i in $(seq 24); do mount --rbind /tmp/m /tmp/m/a || break; done; echo ended",
        limits=Limits(memory_bytes=64 * MIB, wall_seconds=4),
    )
    assert result.ended in ("exit", "deadline")
    assert result.end_ms < 3_000


# Under v2 a sandbox sees its own group at the top of the mount, and may name its own processes members of it.
PROCS = "" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "-o -name cgroup.procs"


def test_the_hosts_control_groups_cannot_be_changed(run_in: Run, host: Host) -> None:
    """Whatever hierarchy is mounted, its files are the host's."""
    result = run_in(
        NAMESPACES,
        "for t in cgroup2 'cgroup -o memory' 'cgroup -o name=systemd' 'cgroup -o name=mine' 'cgroup"
        " -o all'; do"
        " mkdir -p /tmp/c; mount -t $t none /tmp/c 2>/dev/null || continue;"
        " mkdir /tmp/c/made 2>/dev/null && echo made $t;"
        f" for f in $(find /tmp/c -type f \\( -name release_agent {PROCS} -o -name tasks"
        " -o -name 'memory.max' -o -name memory.limit_in_bytes -o -name cgroup.kill -o -name"
        " notify_on_release \\)); do"
        " (echo 1 >$f) 2>/dev/null && echo wrote $f; done; umount /tmp/c; done; echo done",
    )
    assert result.lines == ["done"], result
