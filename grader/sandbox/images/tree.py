"""Lays out the files of a layer that lies on top of others."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from grader.errors import SandboxError
from grader.sandbox.images import repository
from grader.sandbox.images.debian import ACCOUNT_FILES, account_lines, clamp, is_excluded
from grader.sandbox.images.layer import without_accounts
from grader.sandbox.images.recipes import Tree

# Links in every Debian since the merge of /usr: a directory in their place would hide the whole of it.
_MERGED = ("bin", "sbin", "lib", "lib64")


def lay_out(
    recipe: Tree, packages: Sequence[Path], below: Path, engine: Path, epoch: int, root: Path
) -> None:
    """Fill the empty directory `root` with the files of `recipe`.

    Args:
        recipe: What goes in.
        packages: Files of the packages that it needs.
        below: The root file system that the layer completes.
        engine: The root file system that files are copied out of.
        epoch: Time of everything that packages do not bring, in seconds since 1970.
        root: Directory to fill.

    Raises:
        SandboxError: A package does not fit on a merged /usr, or a file cannot be offered.
    """
    if recipe.repository:
        repository.write(recipe.repository, packages, root)
    else:
        _unpack(recipe, packages, root)
    for path in recipe.copied:
        _parent(root, path)
        shutil.copy2(engine / path, root / path)
    for path, content in recipe.files.items():
        _parent(root, path)
        (root / path).write_text(content, encoding="utf-8")
        (root / path).chmod(0o755 if content.startswith("#!") else 0o644)
    for path, target in recipe.links.items():
        _parent(root, path)
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(target)
    for path, (mode, owner) in recipe.directories.items():
        (root / path).mkdir(parents=True, exist_ok=True)
        os.chown(root / path, owner, owner)
        (root / path).chmod(mode)
    _add_accounts(recipe, below, epoch, root)
    clamp(root, epoch)


def _parent(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)


def _unpack(recipe: Tree, packages: Sequence[Path], root: Path) -> None:
    for package in packages:
        subprocess.run(
            ["dpkg-deb", "--extract", str(package), str(root)], check=True, stdin=subprocess.DEVNULL
        )
    for name in _MERGED:
        if (root / name).exists():
            raise SandboxError(f"a package of {recipe.name} brings /{name}, which is a link")
    for folder, directories, files in os.walk(root, topdown=False):
        inside = folder[len(str(root)) :]
        for name in files:
            if is_excluded(recipe.excluded, (), f"{inside}/{name}"):
                os.unlink(os.path.join(folder, name))
        for name in directories:
            path = os.path.join(folder, name)
            # Empty ones that packages bring are no less empty, and their scripts would have filled them.
            if not os.path.islink(path) and not os.listdir(path):
                os.rmdir(path)


def _add_accounts(recipe: Tree, below: Path, epoch: int, root: Path) -> None:
    if not recipe.accounts:
        return
    (root / "etc").mkdir(exist_ok=True)
    extra = {account.name for account in recipe.root.accounts}
    for name in ACCOUNT_FILES:
        # Owner and mode, too: passwords are not for everybody.
        shutil.copy2(below / name, root / name)
        status = os.lstat(below / name)
        os.chown(root / name, status.st_uid, status.st_gid)
        kept = without_accounts((below / name).read_bytes(), extra)
        added = "".join(account_lines(account, epoch)[name] for account in recipe.accounts)
        (root / name).write_bytes(kept + added.encode())
