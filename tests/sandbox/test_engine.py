"""The docker profile: a whole engine inside a sandbox, for commands that mean it well and ill."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import SandboxError
from grader.model import MIB, Limits
from grader.sandbox import engine as engines
from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError
from grader.sandbox.sandbox import Host

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

RUN = "docker run --rm --network none"
# What a container must not see of the host, looked for from inside.
PROBES = r"""
for d in 'b 254 0' 'b 8 0' 'b 7 0' 'c 1 1' 'c 1 11'; do
  mknod /x $d 2>/dev/null && echo made "$d"; rm -f /x; done
for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches \
  /proc/sys/kernel/modprobe /proc/sys/fs/binfmt_misc/register /sys/kernel/uevent_helper /sys/power/state; do
  (echo 1 >$f) 2>/dev/null && echo wrote $f; done
mkdir -p /m; for t in debugfs tracefs securityfs ext4 devtmpfs configfs pstore; do
  mount -t $t none /m 2>/dev/null && echo mounted $t; done
for d in /dev/vda /dev/sda /dev/kmsg /dev/mem /dev/kvm /dev/fuse; do test -e $d && echo there $d; done
for o in memory pids freezer rdma; do mount -t cgroup -o $o none /m 2>/dev/null || continue
  (echo /x >/m/release_agent) 2>/dev/null && echo released $o; umount /m; done
dmesg 2>/dev/null | wc -l
"""
Shell = Callable[..., object]


def test_commands_work_in_it(engine: Engine, shell: Shell) -> None:
    """Writing where they start, running, listing, executing, reading statistics, stopping and removing."""
    result = shell(
        f"pwd; echo written >file; cat file; {RUN} debian:trixie echo ran;"
        " docker run -d --name web debian:trixie sleep 99 >/dev/null;"
        " docker exec web hostname >/dev/null && echo executed; docker ps --format '{{.Names}}';"
        " docker rm -f web; docker network create n >/dev/null && docker network rm n"
    )
    assert result.lines == ["/work", "written", "ran", "executed", "web", "web", "n"], result
    assert engine.get("/containers/json") == []


def test_events_from_before_the_listener_are_told(fresh_engine: Engine) -> None:
    """An answer is faster than the engine may be at taking notice of who listens."""

    def create(name: str) -> None:
        fresh_engine.execute(("docker", "network", "create", name), wall_seconds=30, output_bytes=1_000)

    create("long-ago")
    since = time.time_ns()
    create("just-now")
    heard = bytearray()
    listener = threading.Thread(target=fresh_engine.stream_events, args=(heard.extend, since), daemon=True)
    listener.start()
    deadline = time.monotonic() + 10
    while b"just-now" not in heard and time.monotonic() < deadline:
        time.sleep(0.01)
    fresh_engine.dispose()
    listener.join(10)
    assert b"just-now" in heard
    assert b"long-ago" not in heard


def test_containers_can_have_an_init(shell: Shell) -> None:
    """The engine's own first process is mounted read-only into a container, which not every mount allows."""
    result = shell(f"{RUN} --init busybox cat /proc/1/comm")
    assert result.lines == ["docker-init"], result


def test_memory_of_a_container_is_limited(shell: Shell) -> None:
    """The engine's own limits work inside the sandbox's; its flag for it comes too late now and then."""
    result = shell(
        "docker run --name oom --network none -m 20m debian:trixie tail -n1 /dev/zero; echo $?;"
        " docker inspect -f '{{.State.ExitCode}}' oom; docker rm oom >/dev/null"
    )
    assert result.lines == ["137", "137"], result


@pytest.mark.parametrize("options", ["", "--privileged --pid host --ipc host --uts host --cgroupns host"])
def test_escape_probes_are_refused_in_containers(shell: Shell, options: str) -> None:
    """Also in a container that the engine calls privileged: its rights end at the user namespace."""
    result = shell(f'{RUN} {options} debian:trixie bash -c "$1"', PROBES)
    assert result.lines == ["0"], result


def test_escape_probes_are_refused_beside_the_engine(shell: Shell) -> None:
    """Where the answer's commands run."""
    assert shell("cd /tmp; " + PROBES.replace("/x", "/tmp/x").replace("/m", "/tmp/m")).lines == ["0"]


def test_no_modules_keys_or_programs_enter_the_kernel(shell: Shell) -> None:
    """The filter refuses what needs no capability of the host, too."""
    calls = {
        "init_module": 175,
        "finit_module": 313,
        "bpf": 321,
        "add_key": 248,
        "userfaultfd": 323,
        "syslog": 103,
    }
    if os.uname().machine != "x86_64":
        pytest.skip("numbers of x86-64")
    numbers = " ".join(map(str, calls.values()))
    perl = 'for (@ARGV) { print syscall($_+0,0,0,0,0,0), " ", $!+0, "\\n" }'
    for where in ("", f"{RUN} --privileged --security-opt seccomp=unconfined debian:trixie "):
        result = shell(f"{where}perl -e '{perl}' {numbers}")
        assert result.lines == ["-1 1"] * len(calls), (where, result)


def test_watchers_of_files_are_bounded(shell: Shell) -> None:
    """They count for the host's root as well: the sandbox has few, and cannot raise that."""
    if os.uname().machine != "x86_64":
        pytest.skip("a number of x86-64")
    perl = "for (1 .. 200) { syscall(294, 0) < 0 and print($_), last }"
    raise_it = (
        "echo 9999 >/proc/sys/user/max_inotify_instances; echo 9999 >/proc/sys/fs/inotify/max_user_instances"
    )
    result = shell(
        f'{raise_it}; {RUN} --privileged debian:trixie bash -c "$1"', f"{raise_it}; perl -e '{perl}'"
    )
    assert 2 < int(result.stdout) <= 25, result


def test_the_root_of_a_volume_is_the_sandboxs(shell: Shell, tmp_path: Path) -> None:
    """`-v /:/host` shows the sandbox's root file system, read-only and without the host's files."""
    secret = tmp_path / "secret"
    secret.write_text("hidden-from-answers")
    result = shell(
        f'{RUN} --privileged -v /:/host debian:trixie bash -c "$1" x "$2"',
        'cat "/host$1" "/host/proc/1/root$1"; chroot /host cat "$1"; mount -o remount,bind,rw /host;'
        " touch /host/var/tmp/x && echo wrote; ls /host/var/lib/grader /host/run/grader*;"
        " test -e /host/golden && echo own",
        str(secret),
    )
    assert result.lines == ["own"], result


def test_the_shared_images_cannot_be_changed(shell: Shell, settings: object) -> None:
    """All engines share one golden data root: nothing makes it writable."""
    result = shell(
        "mount -o remount,bind,rw /golden; mount -o remount,rw /golden; touch /golden/x && echo wrote;"
        " d=$(ls -d /golden/containerd/daemon/*/snapshots/*/fs | head -1); touch $d/x && echo wrote;"
        " mount --bind $d /mnt; mount -o remount,bind,rw /mnt; touch /mnt/x && echo wrote;"
        f" {RUN} --privileged -v /golden:/g debian:trixie bash -c"
        " 'mount -o remount,bind,rw /g; touch /g/x && echo wrote'; echo done"
    )
    assert result.lines == ["done"], result


def test_the_hosts_network_is_the_sandboxs(shell: Shell) -> None:
    """`--network host` reaches neither the host's loopback, nor its abstract sockets, nor anything else."""
    name = f"grader-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        script = (
            "for a in 127.0.0.1 172.17.0.1 1.1.1.1 169.254.169.254; do"
            ' timeout 0.2 bash -c ": <>/dev/tcp/$a/$1" 2>/dev/null && echo reached $a; done;'
            " perl -MSocket -e 'socket S,AF_UNIX,SOCK_STREAM,0 or die;"
            ' print connect(S,pack_sockaddr_un("\\0".$ARGV[0])) ? "reached" : "refused"\' $2'
        )
        for network in ("host", "bridge"):
            result = shell(
                f'docker run --rm --network {network} debian:trixie bash -c "$1" x $2 $3',
                script,
                str(tcp.getsockname()[1]),
                name,
            )
            assert result.stdout == "refused", result


def test_the_hosts_processes_are_invisible(shell: Shell) -> None:
    """`--pid host` shows the sandbox's, where the first is dockerd."""
    result = shell(f"{RUN} --pid host debian:trixie bash -c 'cat /proc/1/comm; ls /proc | grep -c ^[0-9]'")
    first, count = result.lines
    assert first == "dockerd"
    assert int(count) < 60


def test_the_sandboxs_limit_cannot_be_lifted(engine: Engine, shell: Shell) -> None:
    """No file of its own group is writable, through whatever mount."""
    target = engine.target(0)
    name = "memory.max" if target.cgroup_version == 2 else "memory.limit_in_bytes"
    file = Path(target.memory_group, name)
    shell(
        f"for f in $(find /sys/fs/cgroup -maxdepth 2 -name {name}); do echo 99999999999 >$f; done;"
        f" {RUN} --privileged -v /sys/fs/cgroup:/c debian:trixie bash -c"
        f" 'for f in /c/{name} /c/memory/{name}; do echo -1 >$f; echo max >$f; done'"
    )
    assert file.read_text().strip() == str(512 * MIB)


def test_disk_is_bounded(shell: Shell) -> None:
    """The data root is full before anything else is."""
    result = shell(
        f"{RUN} debian:trixie sh -c"
        " 'dd if=/dev/zero of=/big bs=1M count=2000 2>&1; ls -s --block-size=M /big'"
    )
    assert "No space left" in result.stdout, result
    assert int(result.lines[-1].split("M")[0]) <= 200


def test_memory_is_bounded(engine: Engine, shell: Shell) -> None:
    """Containers without a limit of their own end at the sandbox's, and the engine lives on."""
    result = shell(f"{RUN} debian:trixie tail -n1 /dev/zero; echo $?; docker ps -q | wc -l")
    assert result.lines == ["137", "0"], result


def test_processes_are_bounded(fresh_engine: Engine) -> None:
    """A fork bomb in a container leaves the host and the engine's end in our hands."""
    before = len(os.listdir("/proc"))
    target = fresh_engine.target(0)
    counts: list[int] = []

    def tick(_: float) -> float:
        counts.append(int(Path(target.pids_group, "pids.current").read_text()))
        return 20

    bomb = f"{RUN} debian:trixie bash -c ':(){{ :|:& }};:; sleep 9'"
    output, _ = fresh_engine.execute(
        ("/bin/bash", "-c", bomb), wall_seconds=2, output_bytes=1 << 20, tick=tick
    )
    assert output.ended in ("deadline", "exit", "output")
    assert 300 < max(counts) <= 400
    assert len(os.listdir("/proc")) - before < 400 + 100  # others use this machine as well
    started = time.monotonic()
    fresh_engine.dispose()
    assert time.monotonic() - started < 3


def test_a_replaced_socket_does_not_redirect_the_grader(engine: Engine, shell: Shell, tmp_path: Path) -> None:
    """Whatever lies at /run/docker.sock: the grader asks through a socket that it made itself."""
    with socket.socket(socket.AF_UNIX) as trap:
        trap.bind(str(tmp_path / "trap"))
        trap.listen()
        shell('mv /run/docker.sock /run/kept; ln -s "$1" /run/docker.sock', str(tmp_path / "trap"))
        try:
            assert engine.get("/version")["Version"] == engine.version
            trap.setblocking(False)
            with pytest.raises(BlockingIOError):
                trap.accept()
        finally:
            shell("mv -f /run/kept /run/docker.sock")


def test_errors_of_the_engine_are_told(engine: Engine) -> None:
    """Its status and its message."""
    with pytest.raises(EngineError, match="No such container: nothing") as caught:
        engine.get("/containers/nothing/json")
    assert caught.value.status == 404


def test_a_deadline_ends_a_command(engine: Engine, shell: Shell) -> None:
    """The command is given up, and the engine stays usable."""
    result = shell("sleep 99", seconds=0.5)
    assert (result.ended, result.code) == ("deadline", None)
    assert result.wall_ms < 1_500
    assert engine.get("/version")["Version"] == engine.version


def test_a_flood_of_output_ends_a_command(engine: Engine, shell: Shell) -> None:
    """At the cap, like an answer's own."""
    output, code = engine.execute(("/usr/bin/yes",), wall_seconds=10, output_bytes=50_000)
    assert (output.ended, len(output.stdout), code) == ("output", 50_000, None)
    time.sleep(0.1)
    assert shell("exit 4").code == 4


def test_a_command_that_cannot_start_is_our_fault(engine: Engine, shell: Shell) -> None:
    """The runtime's complaint is not mistaken for the command's output."""
    with pytest.raises(SandboxError, match="started nothing"):
        engine.execute(("/nowhere/program",), wall_seconds=10, output_bytes=1000)
    assert shell("exit 4").code == 4


def test_input_reaches_a_command(engine: Engine) -> None:
    """From memory, and to its end."""
    output, code = engine.execute(("/bin/cat",), wall_seconds=10, output_bytes=1 << 20, stdin=b"x" * 100_000)
    assert (output.stdout, code) == (b"x" * 100_000, 0)


def _until_it_fails(ask: Callable[[], object]) -> None:
    for _ in range(100):
        ask()
        time.sleep(0.1)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("kill -TERM 1; kill -9 -1", id="terminated"),
        pytest.param(
            "pkill -9 containerd; kill -9 -1; mount --bind /bin/false /usr/bin/dockerd; kill -INT 1", id="all"
        ),
    ],
)
def test_an_engine_killed_from_inside_is_noticed(fresh_engine: Engine, script: str) -> None:
    """What its owner destroys ends as an error in time, never in waiting."""
    started = time.monotonic()
    fresh_engine.execute(("/bin/bash", "-c", script), wall_seconds=10, output_bytes=1000)
    with pytest.raises(SandboxError):
        _until_it_fails(lambda: fresh_engine.get("/containers/json", seconds=3))
    with pytest.raises(SandboxError):
        _until_it_fails(lambda: fresh_engine.execute(("/bin/true",), wall_seconds=3, output_bytes=1000))
    assert time.monotonic() - started < 25


def test_a_stopped_engine_is_given_up_in_time(fresh_engine: Engine) -> None:
    """An engine that takes requests and never answers."""
    init = fresh_engine.target(0).init_pid
    os.kill(init, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(EngineError):
        fresh_engine.get("/version", seconds=0.5)
    assert time.monotonic() - started < 1.5


def test_an_engine_that_cannot_start_says_why(any_host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds the end of its log, and nothing is left."""
    monkeypatch.setattr(engines, "_ENTRY", "echo the reason is this >&2; exit 5")
    with Engine(any_host, Limits()) as engine, pytest.raises(SandboxError, match="the reason is this"):
        engine.start()
