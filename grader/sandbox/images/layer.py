"""Writes layers of images: tar streams, the same bytes each time from the same files."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.errors import SandboxError
from grader.sandbox.images.debian import ACCOUNT_FILES
from grader.sandbox.images.recipes import Applets, Layer, Tree, WholeSystem

_BUSYBOX = "usr/bin/busybox"
_BUSYBOX_HOME = "bin/busybox"

Entry = tuple[tarfile.TarInfo, BinaryIO | None]


def write(layer: Layer, root: Path, sink: BinaryIO) -> None:
    """Write `layer`, whose files lie in the directory `root`, to `sink`.

    Raises:
        SandboxError: The directory holds something that a layer cannot.
    """
    match layer:
        case WholeSystem():
            added = {*layer.root.directories, *layer.root.links}
            entries = _files(root, added, {account.name for account in layer.root.accounts})
        case Applets():
            entries = _applets(layer, root)
        case Tree():
            entries = _files(root, set(), set())
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            with content or io.BytesIO() as file:
                tar.addfile(info, file)


def newest(root: Path) -> int:
    """Return the time of the newest file of a root file system, in seconds since 1970."""
    return max(
        int(os.lstat(os.path.join(folder, name)).st_mtime)
        for folder, _, files in os.walk(root)
        for name in files
    )


def _files(root: Path, left_out: set[str], accounts: set[str]) -> Iterator[Entry]:
    """Yield everything below `root` except some paths, and the account files without some accounts."""
    inodes: dict[int, str] = {}
    for name in _names(root, left_out):
        info = _info(root, name)
        status = os.lstat(root / name)
        if info.isreg() and status.st_nlink > 1:
            first = inodes.setdefault(status.st_ino, name)
            if first != name:
                info.type, info.linkname, info.size = tarfile.LNKTYPE, first, 0
        if name in ACCOUNT_FILES:
            content = without_accounts((root / name).read_bytes(), accounts)
            info.size = len(content)
            yield info, io.BytesIO(content)
        else:
            yield info, open(root / name, "rb") if info.isreg() else None  # noqa: SIM115  (`write` closes it)


def _names(root: Path, without: set[str]) -> list[str]:
    """Return the paths below `root`, sorted, so that each directory comes before what it holds."""
    names = []
    for folder, directories, files in os.walk(root):
        inside = os.path.relpath(folder, root)
        kept = [os.path.normpath(f"{inside}/{name}") for name in (*directories, *files)]
        names += [name for name in kept if name not in without]
        directories[:] = [name for name in directories if os.path.normpath(f"{inside}/{name}") not in without]
    return sorted(names)


def _info(root: Path, name: str) -> tarfile.TarInfo:
    status = os.lstat(root / name)
    if os.listxattr(root / name, follow_symlinks=False):
        raise SandboxError(f"{name} has extended attributes, which layers made here do not carry")
    info = tarfile.TarInfo(name)
    info.mode = stat.S_IMODE(status.st_mode)
    info.uid, info.gid, info.mtime = status.st_uid, status.st_gid, int(status.st_mtime)
    if stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(root / name)
    elif stat.S_ISREG(status.st_mode):
        info.size = status.st_size
    else:
        raise SandboxError(f"{name} is neither file nor directory nor symbolic link")
    return info


def without_accounts(content: bytes, names: set[str]) -> bytes:
    """Return one of `ACCOUNT_FILES` without the lines of the accounts `names`."""
    lines = content.decode().splitlines(keepends=True)
    return "".join(line for line in lines if line.partition(":")[0] not in names).encode()


def _applets(layer: Applets, root: Path) -> Iterator[Entry]:
    """Yield busybox, a link to it for each of its applets where they belong, and the layer's own files."""
    binary = (root / _BUSYBOX).read_bytes()
    made = int(os.lstat(root / _BUSYBOX).st_mtime)
    applets = subprocess.run(
        ["chroot", str(root), f"/{_BUSYBOX}", "--list-full"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout.split()
    links = {name: _link_to_busybox(name) for name in applets}
    files = {name: content.encode() for name, content in layer.files.items()} | {_BUSYBOX_HOME: binary}
    parents = {
        str(parent): 0o755
        for name in (*files, *links, *layer.directories)
        for parent in PurePosixPath(name).parents
    }
    directories = {name: mode for name, mode in (parents | layer.directories).items() if name != "."}
    for name in sorted({*files, *links, *directories}):
        info = tarfile.TarInfo(name)
        info.mtime = made
        if name in directories:
            info.type, info.mode = tarfile.DIRTYPE, directories[name]
            yield info, None
        elif name in files:
            info.size, info.mode = len(files[name]), 0o755 if name == _BUSYBOX_HOME else 0o644
            yield info, io.BytesIO(files[name])
        else:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, links[name], 0o777
            yield info, None


def _link_to_busybox(name: str) -> str:
    return os.path.relpath(_BUSYBOX_HOME, PurePosixPath(name).parent)
