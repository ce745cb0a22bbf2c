"""Build and cache the disk images that the guest of the cgroup v2 harness boots from."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITE = "bookworm"
PYTHON = Path("/usr/bin/python3.11")  # the suite's own, in the guest as on the host
GUEST_PACKAGES = [
    "busybox-static",
    "crun",
    "e2fsprogs",
    "iproute2",
    "iptables",
    "kmod",
    "mount",
    "nftables",
    "procps",
    "python3",
    "python3-venv",
    "runc",
    "uidmap",
    "util-linux",
]
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
DISK_SIZE = "16g"  # mostly room for the guest to write; images are sparse, so it costs nothing
MKE2FS = (
    # No journal, for what a guest writes is not kept. A new file is zero already, so neither mke2fs
    # nor the guest's kernel needs to clear the inode tables.
    *("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal"),
    *("-E", "assume_storage_prezeroed=1,root_owner=0:0"),
)
# For a mount namespace of its own: shows folder $1 at $2, without what is mounted below it and
# without its subfolder $3 (the cache, which must not be packed into itself), and runs the rest.
HIDING = 'mount --bind "$1" "$2"; mount -t tmpfs none "$2/$3"; shift 3; exec "$@"'


class HarnessError(Exception):
    """Trouble with the harness itself, never with the tests that it runs."""


def run_command(*command: str | Path, stdin: str = "", **environment: str) -> str:
    """Run a command and return its standard output.

    Raises HarnessError with the end of the command's error output when it fails.
    """
    argv = [str(part) for part in command]
    env = os.environ | environment
    done = subprocess.run(argv, input=stdin, env=env, capture_output=True, text=True)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-20:])
        raise HarnessError(f"{argv[0]} failed with exit code {done.returncode}:\n{tail}")
    return done.stdout


def digest(*parts: str | bytes) -> str:
    """Return a short key for a cached image that is made of these parts."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:16]


def apt_sources() -> str:
    """Return this machine's own apt sources of the guest's suite, as lines of a sources.list.

    Raises HarnessError when this machine's apt knows none.
    """
    fields = "$(ORIGIN) $(REPO_URI) $(CODENAME) $(COMPONENT)"
    listed = run_command("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
    lines: dict[str, None] = {}
    for origin, *source in map(str.split, listed.splitlines()):
        if origin == "Debian" and len(source) == 3 and source[1].partition("-")[0] == SUITE:
            lines["deb " + " ".join(source)] = None
    if not lines:
        raise HarnessError(f"apt on this machine has no source of Debian {SUITE}")
    return "\n".join(lines) + "\n"


def walk(folder: Path, hidden: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every path below a folder with its status, but no mounted file system nor `hidden`."""
    device = folder.lstat().st_dev
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # removed meanwhile
                    continue
                if status.st_dev != device or entry.path == str(hidden):
                    continue
                yield entry.path, status
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)


class Cache:
    """The folder that keeps the guest's disk images, each named after what went into it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.folder = state_dir / "vm"
        # Here the run's disk is packed, and at the same path the guest mounts it.
        self.run_dir = self.folder / "run"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the state holds a secret

    def system(self) -> Path:
        """Return the folder of the guest's operating system: `vmlinuz`, `initramfs` and `disk`."""
        recipe = [(HERE / name).read_bytes() for name in ("root_hook.sh", "initramfs_init.sh")]
        final = self.folder / f"system-{digest(*recipe, *GUEST_PACKAGES, *DPKG_OPTIONS, *MKE2FS)}"
        if not final.exists():
            with self._building(final) as work:
                boot, root = work / "boot", work / "root"
                boot.mkdir()
                run_command(
                    *("unshare", "--mount"),  # its mounts end with it, even if it is killed
                    *("mmdebstrap", "--variant=minbase", f"--include={','.join(GUEST_PACKAGES)}"),
                    *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
                    *(f'--customize-hook={HERE / "root_hook.sh"} "$1"', "--format=directory"),
                    *(SUITE, root, "-"),
                    stdin=apt_sources(),
                    GUEST_BOOT=str(boot),
                )
                self._pack(root, boot / "disk", "system")
                boot.rename(final)
        return final

    def state(self) -> Path:
        """Return a disk with what the grader keeps here: root file systems and images."""
        listed = walk(self.state_dir, self.folder)
        facts = (
            f"{path} {s.st_mode} {s.st_uid} {s.st_gid} {s.st_size} {s.st_mtime_ns}" for path, s in listed
        )
        final = self.folder / f"state-{digest(*facts, *MKE2FS)}.img"
        if not final.exists():
            with self._building(final) as work:
                (tree := work / "tree").mkdir()
                hidden = self.folder.name
                hiding = (
                    "unshare",
                    "--mount",
                    "sh",
                    "-euc",
                    HIDING,
                    "sh",
                    self.state_dir,
                    tree,
                    hidden,
                )
                self._pack(tree, work / "disk", "state", hiding)
                (work / "disk").rename(final)
        return final

    def venv(self, project: Path) -> tuple[Path, Path]:
        """Return a virtual environment with the project's dependencies and extras, and its disk.

        The project itself is installed in editable form, from where its copy lies in the guest.
        """
        recipe = (project / "pyproject.toml").read_bytes()
        extras = tomllib.loads(recipe.decode())["project"].get("optional-dependencies", {})
        venv = self.folder / f"venv-{digest(recipe, str(self.run_dir), *MKE2FS)}"
        final = venv.with_suffix(".img")
        if not final.exists():
            with self._building(final) as work:
                shutil.rmtree(venv, ignore_errors=True)
                run_command(PYTHON, "-m", "venv", venv)
                copied = f"{self.run_dir / 'project'}[{','.join(extras)}]"
                run_command(venv / "bin/python", "-m", "pip", "install", "--quiet", "-e", copied)
                self._pack(venv, work / "disk", "venv")
                (work / "disk").rename(final)
        return venv, final

    def copy_project(self, project: Path) -> None:
        """Copy the project's files, tracked or not but never ignored, to where they are packed."""
        target = self.run_dir / "project"
        shutil.rmtree(self.run_dir, ignore_errors=True)
        target.mkdir(parents=True)
        listed = run_command("git", "-C", project, "ls-files", "-coz", "--exclude-standard")
        for name in filter(None, listed.split("\0")):
            if (project / name).is_symlink() or (project / name).is_file():  # not deleted meanwhile
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, target / name, follow_symlinks=False)

    def pack_run(self, disk: Path) -> None:
        """Pack the copied project, and what the caller put beside it, into this run's disk."""
        self._pack(self.run_dir, disk, "run")

    def _pack(self, tree: Path, disk: Path, label: str, prefix: tuple[str | Path, ...] = ()) -> None:
        run_command(*prefix, *MKE2FS, "-L", label, "-d", tree, disk, DISK_SIZE)

    @contextmanager
    def _building(self, final: Path) -> Iterator[Path]:
        """Give a folder to build in; after success, remove what the new image replaces."""
        kind = final.name.partition("-")[0]
        for path in self.folder.glob(f"building-{kind}-*"):  # left by a run that was killed
            shutil.rmtree(path)
        with tempfile.TemporaryDirectory(prefix=f"building-{kind}-", dir=self.folder) as work:
            yield Path(work)
        for path in self.folder.glob(f"{kind}-*"):
            if path.stem != final.stem:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
