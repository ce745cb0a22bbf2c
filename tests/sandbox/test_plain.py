"""The plain profile: shell answers without any right, however hostile."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.model import MIB, Limits, Profile
from grader.sandbox.sandbox import Host, Sandbox

pytestmark = pytest.mark.sandbox

PLAIN = Profile.PLAIN
Run = Callable[..., object]


def test_runs_an_answer_and_reports_it(run_in: Run) -> None:
    """Output, errors and exit status are the answer's own."""
    result = run_in(PLAIN, "echo out; echo err >&2; exit 3")
    assert (result.stdout, result.stderr, result.code, result.ended) == ("out\n", "err\n", 3, "exit")


def test_an_answer_has_a_writable_work_directory_and_its_files(run_in: Run) -> None:
    """The answer lies in /answer, and /work and /tmp are its to write."""
    result = run_in(
        PLAIN,
        "pwd; bash /answer/answer.sh; cat /answer/data/a.txt; echo x >f; cat f /tmp/g",
        files={"answer.sh": b"id -u; echo g >/tmp/g", "data/a.txt": b"a\n"},
    )
    assert result.lines == ["/work", "1000", "a", "x", "g"], result.stderr


def test_a_fork_bomb_is_bounded(run_in: Run) -> None:
    """It hits the limit of processes while the host goes on starting its own."""
    highest = []

    def tick(_: float) -> float:
        subprocess.run(["/bin/true"], check=True, timeout=1)
        highest.append(len(os.listdir("/proc")))
        return 100

    before = len(os.listdir("/proc"))
    result = run_in(PLAIN, ":(){ :|:& };:; sleep 9", limits=Limits(wall_seconds=1), tick=tick)
    assert result.forks_refused > 0
    assert max(highest) - before < 64 + 100  # others use this machine as well
    assert result.end_ms < 1_000


def test_a_memory_bomb_is_killed_fast(run_in: Run) -> None:
    """The kernel kills it at the cap, and counts it."""
    limits = Limits(memory_bytes=32 * MIB, wall_seconds=5)
    result = run_in(PLAIN, "tail -n1 /dev/zero; echo $?", limits=limits)
    assert result.lines == ["137"]
    assert result.oom_kills == 1
    assert result.wall_ms < 1_500
    assert result.peak_bytes <= 32 * MIB


def test_nothing_is_swapped(run_in: Run, host: Host) -> None:
    """Memory and swap together end at the memory's cap, where the machine accounts for swap."""
    found = []

    def look(sandbox: Sandbox) -> None:
        group = Path(host.hierarchy.group("memory", sandbox.name))
        if host.hierarchy.version == 2:
            found.append((group / "memory.swap.max").read_text().strip() == "0")
        elif host.hierarchy.swap:
            limit = (group / "memory.memsw.limit_in_bytes").read_text()
            found.append(limit == (group / "memory.limit_in_bytes").read_text())
        else:
            found.append(True)

    run_in(PLAIN, "true", look=look)
    assert found == [True]


def test_what_fills_memory_file_systems_is_charged_and_bounded(run_in: Run) -> None:
    """Many small files end at the size of the file system, and count as memory."""
    result = run_in(
        PLAIN,
        "for d in /tmp /work /dev/shm; do for i in $(seq 40);"
        " do head -c 1M /dev/zero >$d/$i || break; done; done"
        " 2>/dev/null; du -sm /tmp /work | cut -f1",
        limits=Limits(memory_bytes=64 * MIB, disk_bytes=8 * MIB, wall_seconds=8),
    )
    assert all(int(size) <= 8 for size in result.lines)
    assert 20 * MIB < result.peak_bytes <= 64 * MIB


def test_small_files_without_number_are_bounded(run_in: Run) -> None:
    """Inodes run out before memory does."""
    result = run_in(
        PLAIN, "i=0; while : >/tmp/$i; do i=$((i+1)); done 2>/dev/null; echo $((i < 9000))", limits=Limits()
    )
    assert result.lines == ["1"]


def test_a_file_system_may_fill_memory_but_not_the_host(run_in: Run) -> None:
    """Files larger than the memory's cap end the run, not the machine."""
    result = run_in(
        PLAIN,
        "for d in /tmp /work; do head -c 30M /dev/zero >$d/x; done; echo survived",
        limits=Limits(memory_bytes=24 * MIB, disk_bytes=32 * MIB, wall_seconds=5),
    )
    assert result.peak_bytes <= 24 * MIB
    assert "survived" not in result.stdout or result.oom_kills


def test_the_root_file_system_is_read_only(run_in: Run) -> None:
    """Not one directory of it takes a file."""
    result = run_in(
        PLAIN,
        "find / -xdev -type d 2>/dev/null | while read -r d; do"
        " : 2>/dev/null >$d/x && ! mountpoint -q $d && echo $d; done; touch /var/tmp/x; echo done",
    )
    assert result.lines == ["done"]
    assert "Read-only" in result.stderr


def test_a_file_ends_at_its_largest_size(run_in: Run) -> None:
    """SIGXFSZ (25) ends who writes beyond, and a sparse file of 1 TB never comes to be."""
    result = run_in(
        PLAIN,
        'head -c 9M /dev/zero >a; echo $?; truncate -s 1T b; echo $?; perl -e \'open F,">c"; seek F,1<<40,0;'
        " syswrite F,1 or die'; echo $?; du -b --apparent-size a | cut -f1",
        limits=Limits(disk_bytes=8 * MIB),
    )
    write, truncated, sought, size = result.lines
    assert write == truncated == sought == str(128 + 25)
    assert int(size) <= 8 * MIB


def test_a_flood_of_output_ends_at_the_cap(run_in: Run) -> None:
    """It is ended at once, truncated, and costs the grader next to nothing."""
    result = run_in(PLAIN, "yes", limits=Limits(output_bytes=100_000, wall_seconds=5))
    assert result.ended == "output"
    assert len(result.stdout) == 100_000
    assert result.code is None
    assert result.wall_ms < 1_000
    assert result.own_ms < 300


def test_both_streams_share_the_cap(run_in: Run) -> None:
    """Standard error counts as well."""
    result = run_in(PLAIN, "yes >&2", limits=Limits(output_bytes=50_000, wall_seconds=5))
    assert (result.ended, len(result.stderr)) == ("output", 50_000)


def test_an_ignored_signal_does_not_prolong_an_answer(run_in: Run) -> None:
    """The deadline's signal is the one that nobody can ignore."""
    result = run_in(
        PLAIN, "trap '' TERM INT HUP QUIT; while :; do sleep 1; done", limits=Limits(wall_seconds=0.4)
    )
    assert (result.ended, result.code) == ("deadline", None)


def test_a_deadline_kills_within_300_ms(run_in: Run) -> None:
    """From the deadline until nothing is left."""
    script = "for i in $(seq 40); do sleep 99 & done; wait"
    result = run_in(PLAIN, script, limits=Limits(wall_seconds=0.4))
    assert result.ended == "deadline"
    assert result.wall_ms + result.end_ms < 400 + 300


def test_what_an_answer_leaves_running_dies_with_it(run_in: Run) -> None:
    """Sessions of their own and orphans are in the same PID namespace."""
    result = run_in(
        PLAIN,
        "setsid sleep 99 & (setsid sleep 99 &) ; (trap '' HUP; sleep 99 & disown) ;"
        " perl -e 'fork and exit; fork and exit; sleep 99' & sleep 0.1; exit 0",
    )
    assert (result.ended, result.code) == ("exit", 0)


def test_there_is_no_network(run_in: Run) -> None:
    """Only a loopback of its own; connecting anywhere fails at once."""
    result = run_in(
        PLAIN,
        "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route | wc -l;"
        " for a in 1.1.1.1 10.0.0.1 169.254.169.254 172.17.0.1; do"
        " (: <>/dev/tcp/$a/80) 2>/dev/null && echo reached $a; done",
    )
    assert result.lines == ["lo", "0"]
    assert result.wall_ms < 2_000


def test_listeners_of_the_host_are_out_of_reach(run_in: Run) -> None:
    """Neither its loopback nor its abstract sockets can be reached."""
    name = f"grader-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        script = (
            "(: <>/dev/tcp/127.0.0.1/$1) 2>/dev/null && echo reached;"
            " perl -MSocket -e 'socket S,AF_UNIX,SOCK_STREAM,0 or die;"
            ' print connect(S,pack_sockaddr_un("\\0".$ARGV[0])) ? "reached" : "refused"\' $2'
        )
        result = run_in(PLAIN, script, str(tcp.getsockname()[1]), name)
        assert result.stdout == "refused", result.stderr
        assert not select.select([tcp, abstract], [], [], 0)[0]


def test_an_answer_holds_no_right_and_gains_none(run_in: Run) -> None:
    """No capability in any set, no new privileges, a filter, and set-uid programs change nothing."""
    result = run_in(
        PLAIN,
        "grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Groups)' /proc/self/status | tr -s '\\t ' ' ';"
        " cp /bin/bash /tmp/b; chmod 4755 /tmp/b; /tmp/b -p -c 'id -u'; su -c 'id -u' </dev/null",
    )
    *status, uid = result.lines
    fields = dict(line.split(": ", 1) for line in (line + " " for line in status))
    assert {fields[f"Cap{name}"].strip() for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert fields["NoNewPrivs"].strip() == "1"
    assert fields["Seccomp"].strip() == "2"
    assert fields["Uid"].split() == ["1000"] * 4
    assert fields["Groups"].strip() == ""
    assert uid == "1000"


def test_kernel_files_are_hidden_or_read_only(run_in: Run) -> None:
    """What tells of or controls the whole machine gives nothing and takes nothing."""
    result = run_in(
        PLAIN,
        "for f in kcore keys timer_list kmsg; do head -c1 /proc/$f 2>/dev/null | wc -c; done;"
        " for f in sysrq-trigger sys/kernel/core_pattern sys/kernel/hostname sys/vm/drop_caches"
        " sys/net/ipv4/ip_forward sys/user/max_user_namespaces sys/kernel/ns_last_pid; do"
        " (echo 1 >/proc/$f) 2>/dev/null && echo wrote $f; done; echo done",
    )
    assert result.lines == ["0", "0", "0", "0", "done"]


def test_the_hosts_processes_are_invisible(run_in: Run) -> None:
    """Its own processes begin at 1, and nobody else's are there."""
    result = run_in(PLAIN, "echo $$; ls /proc | grep -c '^[0-9]'; kill -0 -1; kill -0 2>/dev/null $1", "1234")
    own, seen = result.lines
    assert own == "1"
    assert int(seen) <= 5


def test_the_graders_environment_is_invisible(run_in: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the grader's environment holds is in no process's environment inside."""
    monkeypatch.setenv("GRADER_SECRET", "hidden-from-answers")
    result = run_in(PLAIN, "cat /proc/*/environ | tr '\\0' '\\n'; env")
    assert "PATH=" in result.stdout
    assert "hidden" not in result.stdout


def test_files_of_the_host_are_unreadable(run_in: Run, tmp_path: Path) -> None:
    """No path and no descriptor leads out of the root file system."""
    secret = tmp_path / "secret"
    secret.write_text("hidden-from-answers")
    result = run_in(
        PLAIN,
        'cat "$1" "/proc/1/root$1" "/proc/self/cwd/../../..$1"; readlink /proc/[0-9]*/fd/*',
        str(secret),
    )
    assert "hidden" not in result.stdout
    assert all(line.startswith(("pipe:", "/memfd:", "/proc/")) for line in result.lines), result.lines


def test_the_answers_directory_is_read_only(run_in: Run) -> None:
    """Nothing in it can be changed, replaced or removed."""
    kept = []

    def look(sandbox: Sandbox) -> None:
        kept.append({path.name: path.read_bytes() for path in Path(sandbox.answer).iterdir()})

    result = run_in(
        PLAIN,
        "cd /answer; echo x >>a; rm -f a; mv a b; chmod 777 a; ln -s / l; mkdir d; echo done",
        files={"a": b"kept"},
        look=look,
    )
    assert result.lines == ["done"]
    assert kept == [{"a": b"kept"}]


def test_planted_links_and_devices_stay_inside(run_in: Run, tmp_path: Path) -> None:
    """What an answer plants lies on file systems that only its sandbox ever sees."""
    precious = tmp_path / "precious"
    precious.write_text("untouched")
    changed = precious.stat().st_ctime_ns
    there = []

    def look(sandbox: Sandbox) -> None:
        there.append(sorted(path.name for path in sandbox.directory.iterdir()))
        assert not list(Path(sandbox.answer).iterdir())

    result = run_in(
        PLAIN,
        'for d in /work /tmp; do ln -s "$1" $d/answer; ln -s "$1" $d/report.json; mkfifo $d/pipe; done;'
        " mknod /work/null c 1 3 && echo device; mknod /work/disk b 254 0 && echo device; ls /work",
        str(precious),
        look=look,
    )
    assert result.lines == ["answer", "pipe", "report.json"]
    assert set(there[0]) <= {"answer", "bundle", "log", "owner.json", "runtime"}
    assert precious.read_text() == "untouched"
    assert precious.stat().st_ctime_ns == changed


def test_two_sandboxes_share_no_identity(host: Host, base: str) -> None:
    """At the same time they have disjoint ranges of ids, and so do their processes on the host."""
    log = os.memfd_create("log", os.MFD_CLOEXEC)
    try:
        with Sandbox(host, PLAIN, Limits()) as one, Sandbox(host, PLAIN, Limits()) as other:
            ranges = []
            for sandbox in (one, other):
                sandbox.launch(base, ("/bin/sleep", "9"), stdout=log, stderr=log)
                target = sandbox.target(time.monotonic())
                assert os.stat(f"/proc/{target.init_pid}").st_uid == target.first_id + 1000
                ranges.append(range(target.first_id, target.first_id + target.ids))
            assert not set(ranges[0]) & set(ranges[1])
            assert ranges[0].start >= 1 << 30
    finally:
        os.close(log)


@pytest.mark.slow
def test_many_sandboxes_run_at_once(host: Host, base: str) -> None:
    """Eight threads run three each, all alive together, and each gets its own output and status."""
    meet = threading.Barrier(8)
    wrong: list[object] = []

    def work(number: int) -> None:
        try:
            with (
                Sandbox(host, PLAIN, Limits()) as one,
                Sandbox(host, PLAIN, Limits()) as two,
                Sandbox(host, PLAIN, Limits()) as three,
            ):
                outputs = []
                for index, sandbox in enumerate((one, two, three)):
                    out, end = os.pipe()
                    outputs.append((sandbox, out, number * 3 + index))
                    script = f"echo {number * 3 + index}; sleep 0.3; exit {number * 3 + index}"
                    sandbox.launch(base, ("/bin/bash", "-c", script), stdout=end, stderr=end)
                    os.close(end)
                meet.wait(20)
                for sandbox, out, expected in outputs:
                    select.select([sandbox.exited], [], [], 10)
                    found = (int(os.read(out, 99)), sandbox.end())
                    os.close(out)
                    if found != (expected, expected):
                        wrong.append((expected, found))
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
