"""What is really built: usable root file systems and images, lean, and the same each time."""

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import SandboxError, UnavailableError
from grader.model import MIB
from grader.sandbox import images
from grader.sandbox.images import offered, store
from grader.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="building images needs root"),
]

_STORE = "containerd/daemon"


def _silent(step: str) -> None:
    pass


@pytest.fixture(scope="module")
def built(settings: Settings) -> Settings:
    """Give the store of this machine, filled."""
    images.build(settings, _silent)
    return settings


@pytest.fixture
def copy(built: Settings, tmp_path: Path) -> Settings:
    """Give a store that a test may change."""
    copy = Settings(state_dir=tmp_path / "state", run_dir=tmp_path / "run")
    images.clone(built, copy)
    return copy


@pytest.fixture(scope="module")
def unpacked(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Unpack the layers of images, as an engine would."""
    roots = {}
    for image in offered.IMAGES:
        if image.name not in {"debian", "busybox", "gcc", "postgres"}:
            continue
        root = tmp_path_factory.mktemp(image.name)
        for layer in image.layers:
            with tarfile.open(store.folder(built) / f"layer-{layer.name}" / "layer.tar") as tar:
                tar.extractall(root, filter="fully_trusted")
        roots[image.name] = root
    yield roots
    for root in roots.values():
        shutil.rmtree(root)


def _inside(root: Path, *command: str, writable: bool = False) -> str:
    environment = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    script = (
        f'mount --bind "$0" "$0"; mount -o remount,bind,{"rw" if writable else "ro"} "$0";'
        'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; mount -t tmpfs tmpfs "$0/run";'
        'exec chroot "$0" "$@"'
    )
    answer = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-ec", script, str(root), *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_base_has_what_shell_answers_use(built: Settings) -> None:
    root = images.rootfs(built, "base")
    for command in (
        "bash ls unshare nsenter mount ps ip hostname busybox ping ifconfig killall tail"
    ).split():
        _inside(root, "sh", "-c", f"command -v {command}")
    for directory in ("proc", "sys", "dev", "tmp", "run", "work", "answer"):
        assert not any((root / directory).iterdir()), directory
    assert _inside(root, "id", "learner").startswith("uid=1000(learner) gid=1000(learner)")
    assert _inside(root, "sh", "-c", "getent passwd learner").split(":")[5:] == ["/work", "/bin/bash\n"]


def test_the_engines_root_has_an_engine_and_no_way_out(built: Settings) -> None:
    root = images.rootfs(built, "engine")
    assert "version 26.1" in _inside(root, "dockerd", "--version")
    assert " 0.13" in _inside(root, "docker", "buildx", "version")
    assert "2.26" in _inside(root, "docker", "compose", "version")
    assert _inside(root, "/usr/local/libexec/buildkit/runc", "--version").startswith("crun version")
    assert _inside(root, "runc", "--version").startswith("runc version")
    for command in ("containerd", "containerd-shim-runc-v2", "iptables", "docker-init", "docker-proxy", "ip"):
        _inside(root, "sh", "-c", f"command -v {command}")
    for directory in ("golden", "var/lib/docker", "etc/docker", "root", "var/log", "work", "answer"):
        assert (root / directory).is_dir(), directory
    assert (root / "etc/resolv.conf").read_bytes() == b""
    assert "127.0.0.1\tlocalhost" in (root / "etc/hosts").read_text()


@pytest.mark.parametrize(("name", "most"), [("base", 110 * MIB), ("engine", 450 * MIB)])
def test_root_file_systems_are_lean_and_carry_nothing_of_this_machine(
    built: Settings, name: str, most: int
) -> None:
    root = images.rootfs(built, name)
    manifest = next(row for row in images.listing(built) if row.name == f"rootfs-{name}")
    assert manifest.size_bytes < most
    assert manifest.packages["bash"] == _inside(root, "dpkg-query", "-W", "-f", "${Version}", "bash")
    for leftover in (
        "etc/apt/sources.list",
        "etc/.pwd.lock",
        "etc/passwd-",
        "var/log/dpkg.log",
        "etc/machine-id",
    ):
        assert not (root / leftover).exists() or (root / leftover).read_bytes() == b"", leftover
    assert not list((root / "usr/share/man").rglob("*.gz"))
    assert (root / "usr/share/doc/bash/copyright").exists()
    assert not [path for path in (root / "etc/alternatives").iterdir() if path.suffix == ".gz"]
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode), path


def test_the_debian_image_is_a_working_debian(unpacked: dict[str, Path], tmp_path: Path) -> None:
    root = unpacked["debian"]
    assert _inside(root, "dpkg", "--audit") == ""
    _inside(root, "apt-get", "check", writable=True)
    assert "VERSION_CODENAME=trixie" in _inside(root, "cat", "/etc/os-release")
    assert "learner" not in (root / "etc/passwd").read_text()
    assert not (root / "work").exists()
    package = root / "tmp/greeting"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "DEBIAN/control").write_text(
        "Package: greeting\nVersion: 1\nArchitecture: all\n"
        "Maintainer: Test <test@example.org>\nDescription: Greets\n"
    )
    (package / "usr/bin").mkdir(parents=True)
    (package / "usr/bin/greeting").write_text("#!/bin/sh\necho hello\n")
    (package / "usr/bin/greeting").chmod(0o755)
    _inside(root, "dpkg-deb", "--build", "/tmp/greeting", "/tmp/greeting.deb", writable=True)
    _inside(root, "apt-get", "install", "-y", "/tmp/greeting.deb", writable=True)
    assert _inside(root, "greeting") == "hello\n"
    _inside(root, "useradd", "--uid", "1000", "somebody", writable=True)


def test_the_busybox_image_serves_files_under_its_own_names(unpacked: dict[str, Path]) -> None:
    root = unpacked["busybox"]
    for applet in ("sh", "httpd", "nc", "wget", "ps", "ip", "vi", "top", "id"):
        _inside(root, "sh", "-c", f"command -v {applet}")
    assert _inside(root, "id", "-un") == "root\n"
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (root / "bin/sh").readlink() == Path("busybox")
    assert (root / "usr/bin/env").readlink() == Path("../../bin/busybox")


def test_packages_of_the_debian_image_install_without_network(unpacked: dict[str, Path]) -> None:
    root = unpacked["debian"]
    _inside(root, "apt-get", "update", writable=True)
    simulated = _inside(
        root, "apt-get", "install", "--simulate", "figlet", "pip", "gcc", "sudo", writable=True
    )
    assert "Inst figlet" in simulated
    _inside(root, "apt-get", "install", "-y", "figlet", "python3-pip", writable=True)
    assert "|" in _inside(root, "figlet", "hi")
    _inside(root, "pip", "install", "--break-system-packages", "shyaml", writable=True)
    assert _inside(root, "sh", "-c", "echo 'out: /bin' | shyaml get-value out") == "/bin"
    _inside(root, "pip", "install", "--break-system-packages", "flask", "pytest", "requests", writable=True)
    _inside(root, "python3", "-c", "import flask, pytest, requests")


def test_the_compiler_image_compiles(unpacked: dict[str, Path]) -> None:
    root = unpacked["gcc"]
    (root / "srv/a.c").write_text('#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
    for options in ("-O2", "-static"):
        _inside(root, "cc", options, "-o", "/srv/a", "/srv/a.c", writable=True)
        assert _inside(root, "/srv/a") == "hello\n"
    assert "GNU Make" in _inside(root, "make", "--version")


def test_the_database_image_has_a_database(unpacked: dict[str, Path]) -> None:
    root = unpacked["postgres"]
    assert "17." in _inside(root, "/usr/lib/postgresql/17/bin/postgres", "--version")
    assert _inside(root, "id", "-u", "postgres") == "999\n"
    assert "learner" not in (root / "etc/passwd").read_text()
    assert (root / "var/lib/postgresql/data").stat().st_uid == 999
    assert _inside(root, "dpkg", "--audit") == ""


def test_the_golden_data_root_holds_the_images_and_nothing_else(built: Settings) -> None:
    golden = images.golden(built)
    assert golden.engine_version.startswith("26.1")
    assert {"debian:trixie", "debian:latest", "nilcons/debian:latest", "busybox:latest"} <= set(golden.tags)
    rows = {row.name: row for row in images.listing(built)}
    images_of = [row for name, row in rows.items() if name.startswith("image-")]
    assert golden.base_diff_ids == {diff_id for row in images_of for diff_id in row.diff_ids}
    assert set(golden.tags) == {tag for row in images_of for tag in row.tags}
    assert [path.name for path in golden.path.iterdir()] == ["containerd"]
    assert sorted(path.name for path in (golden.path / _STORE).iterdir()) == [
        "io.containerd.content.v1.content",
        "io.containerd.metadata.v1.bolt",
        "io.containerd.snapshotter.v1.overlayfs",
    ]
    blobs = golden.path / _STORE / "io.containerd.content.v1.content/blobs/sha256"
    assert {diff_id.removeprefix("sha256:") for diff_id in golden.base_diff_ids} <= set(os.listdir(blobs))
    snapshots = golden.path / _STORE / "io.containerd.snapshotter.v1.overlayfs/snapshots"
    assert sum((path / "fs/bin/sh").exists() for path in snapshots.iterdir()) == 2
    assert len(list(snapshots.iterdir())) == len({layer.name for layer in offered.layers()})
    owners = {path.lstat().st_uid for path in golden.path.rglob("*")}
    assert max(owners) < 65_536


def test_what_is_missing_is_made_once_by_two_builds_at_once(copy: Settings) -> None:
    (store.folder(copy) / "golden").unlink()
    code = (
        "import sys; from pathlib import Path; from grader.settings import Settings;"
        "from grader.sandbox import images;"
        "print(','.join(images.build(Settings(state_dir=Path(sys.argv[1])), lambda step: None).made))"
    )
    builds = [
        subprocess.Popen([sys.executable, "-c", code, str(copy.state_dir)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert sorted(build.communicate()[0].strip() for build in builds) == ["", "golden"]
    assert images.golden(copy).engine_version == images.golden(copy).engine_version


def test_a_mirror_that_does_not_answer_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    settings = Settings(state_dir=tmp_path / "state", run_dir=tmp_path / "run")
    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:9/debian") as caught:
        images.build(settings, _silent)
    assert "GRADER_DEBIAN_MIRROR" in caught.value.mend
    assert [path.name for path in store.folder(settings).iterdir()] == [".lock"]


def test_a_layer_that_is_none_is_refused_and_golden_is_not_made(copy: Settings) -> None:
    layer = (store.folder(copy) / "layer-busybox").resolve() / "layer.tar"
    layer.unlink()  # a hard link to the real store's
    layer.write_bytes(b"no layer" * 1000)
    (store.folder(copy) / "golden").unlink()
    with pytest.raises(SandboxError, match="load"):
        images.build(copy, _silent)
    with pytest.raises(UnavailableError):
        images.golden(copy)
    assert not (store.folder(copy) / ".golden").exists()


def _fingerprint(root: Path) -> dict[str, str]:
    """Describe every file: kind, mode, owner, time, content."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = (
            f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {int(status.st_mtime)} {content}"
        )
    return found


def test_two_builds_of_the_same_packages_are_the_same(built: Settings, tmp_path: Path) -> None:
    fresh = Settings(state_dir=tmp_path / "state", run_dir=tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from grader.settings import Settings;"
        "from grader.sandbox import images;"
        "images.build(Settings(state_dir=Path(sys.argv[1])), lambda step: print(step, flush=True))"
    )
    # A builder who dies on the way leaves a store in which the next one starts afresh.
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(fresh.state_dir)], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    for step in killed.stdout:
        if "extracting" in step:
            break
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with pytest.raises(UnavailableError):
        images.rootfs(fresh, "base")

    started = time.monotonic()
    subprocess.run(
        ["sh", "-c", 'umask 077; exec "$@"', "build", sys.executable, "-c", code, str(fresh.state_dir)],
        check=True,
    )
    assert time.monotonic() - started < 400  # 80 s on two idle processors

    before = {row.name: row for row in images.listing(built)}
    after = {row.name: row for row in images.listing(fresh)}
    for root in ("base", "engine"):
        name = f"rootfs-{root}"
        if before[name].packages != after[name].packages:
            pytest.skip("the mirror has newer packages than the store: grader images build in a fresh one")
        assert _fingerprint(images.rootfs(built, root)) == _fingerprint(images.rootfs(fresh, root))
    assert {name: row.digest for name, row in before.items()} == {
        name: row.digest for name, row in after.items()
    }
    for layer in offered.layers():
        files = [store.folder(where) / f"layer-{layer.name}" / "layer.tar" for where in (built, fresh)]
        assert files[0].read_bytes() == files[1].read_bytes(), layer.name


def test_the_command_lists_what_was_built(built: Settings) -> None:
    command = [sys.executable, "-m", "grader", "images"]
    listed = json.loads(subprocess.check_output([*command, "list", "--json"]))
    assert listed["schema"] == 1
    assert {"rootfs-base", "rootfs-engine", "golden"} <= {row["name"] for row in listed["images"]}
    again = subprocess.run([*command, "build"], capture_output=True, text=True, check=True)
    assert "everything was there" in again.stderr
    assert "nilcons/debian:latest" in again.stdout
