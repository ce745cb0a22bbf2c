"""Writes a repository for apt and an index for pip into a layer: packages to install without network."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

from grader.errors import SandboxError
from grader.sandbox.images import wheels
from grader.sandbox.images.debian import architecture
from grader.sandbox.images.recipes import SUITE, SUITE_RELEASED, Repository

# Named in the files of the layer, too: `files/offline`.
_HOME = "usr/share/offline"
_POOL = "pool"


def write(recipe: Repository, packages: Iterable[Path], root: Path) -> None:
    """Write what `recipe` offers below the directory `root`.

    Args:
        recipe: What is offered.
        packages: Files of all the packages for apt.
        root: The layer's directory.

    Raises:
        SandboxError: A package cannot be offered to pip.
    """
    home = root / _HOME
    found = {file: _control(file) for file in sorted(packages)}
    _write_apt(home / "apt", found)
    directory = home / "wheels"
    directory.mkdir(parents=True)
    files = {control["Package"]: file for file, control in found.items()}
    for name in recipe.wheels:
        if name not in files:
            raise SandboxError(f"{name} is no package of the repository")
        wheels.from_package(files[name], directory)
    for name, content in recipe.modules.items():
        wheels.from_module(name, content, directory)


def _write_apt(home: Path, packages: dict[Path, dict[str, str]]) -> None:
    """Write packages and their index, laid out as a Debian mirror with one suite and one component."""
    (home / _POOL).mkdir(parents=True)
    index = home / f"dists/{SUITE}/main/binary-{architecture()}/Packages"
    index.parent.mkdir(parents=True)
    for file in packages:
        shutil.copyfile(file, home / _POOL / file.name)
    with ThreadPoolExecutor() as pool:
        sums = dict(zip(packages, pool.map(_sha256, packages), strict=True))
    stanzas = [
        "".join(f"{name}: {value}\n" for name, value in control.items())
        + f"Filename: {_POOL}/{file.name}\nSize: {file.stat().st_size}\nSHA256: {sums[file]}\n"
        for file, control in packages.items()
    ]
    index.write_text("\n".join(stanzas), encoding="utf-8")
    release = index.parents[2] / "Release"
    release.write_text(
        f"Origin: offline\nLabel: offline\nSuite: {SUITE}\nCodename: {SUITE}\n"
        f"Date: {formatdate(SUITE_RELEASED, usegmt=True)}\n"
        f"Architectures: {architecture()}\nComponents: main\nSHA256:\n"
        f" {_sha256(index)} {index.stat().st_size} {index.relative_to(release.parent)}\n",
        encoding="utf-8",
    )


def _control(package: Path) -> dict[str, str]:
    """Return the fields of a package file; what is indented in them stays so."""
    text = subprocess.run(
        ["dpkg-deb", "--field", str(package)], capture_output=True, text=True, check=True
    ).stdout
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith((" ", "\t")):
            fields[name] += f"\n{line}"
        else:
            name, _, value = line.partition(": ")
            fields[name] = value
    return fields


def _sha256(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
