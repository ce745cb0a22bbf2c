"""Fetches Debian packages and says which of them each layer needs, without installing any."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from grader.errors import UnavailableError
from grader.sandbox.images.debian import architecture
from grader.sandbox.images.mirror import VARIABLE, Mirror
from grader.sandbox.images.recipes import Tree

_ERROR_LINES = 15
_SECONDS = 900
_URI = re.compile(r"'[^']+' (?P<file>\S+) \d+")


def fetch(
    trees: Sequence[Tree], mirror: Mirror, root: Path, directory: Path, progress: Callable[[str], None]
) -> dict[str, list[str]]:
    """Fetch what `trees` need beyond the root file system `root` into the empty `directory`.

    Args:
        trees: Layers with packages.
        mirror: Where packages come from.
        root: What is there already.
        directory: Takes the packages' files.
        progress: Told each step.

    Returns:
        The names of the files that each tree needs, by the tree's name.

    Raises:
        UnavailableError: The mirror does not answer or lacks a package.
    """
    scratch = directory.with_name(".apt")
    apt = _Apt(scratch, mirror, root)
    try:
        progress("running apt-get update")
        apt.run("update")
        needed = {tree.name: apt.needed(tree) for tree in trees}
        for tree in trees:
            progress(f"downloading packages of {tree.name}")
            apt.download(tree)
        directory.mkdir()
        for file in sorted({file for files in needed.values() for file in files}):
            shutil.move(apt.archives / file, directory / _plain(file))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {name: sorted(_plain(file) for file in files) for name, files in needed.items()}


class _Apt:
    """apt with directories of its own, which takes a root file system's packages for installed."""

    def __init__(self, scratch: Path, mirror: Mirror, root: Path) -> None:
        self._mirror = mirror
        self._status = scratch / "status"
        self._installed = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
        self._sources = scratch / "sources.list"
        self._lists = scratch / "lists"
        self.archives = scratch / "archives"
        for directory in (self._lists, self.archives):
            (directory / "partial").mkdir(parents=True)
        self._sources.write_text(f"{mirror.source()}\n", encoding="utf-8")
        self._scratch = scratch
        self._take_for_installed(())

    def needed(self, tree: Tree) -> list[str]:
        """Return the names of the files that `tree` needs, as apt will call them."""
        self._take_for_installed(tree.granted)
        listed = self.run("install", "--yes", "--quiet=2", "--print-uris", *_wanted(tree))
        return [found["file"] for line in listed.splitlines() if (found := _URI.match(line))]

    def download(self, tree: Tree) -> None:
        """Fetch and verify what `tree` needs."""
        self._take_for_installed(tree.granted)
        self.run("install", "--yes", "--quiet=2", "--download-only", *_wanted(tree))

    def run(self, *command: str) -> str:
        """Run apt-get and return its output."""
        options = (
            *(f"Dir::State={self._scratch}", f"Dir::State::status={self._status}"),
            *(f"Dir::State::lists={self._lists}", f"Dir::Cache={self._scratch}"),
            *(f"Dir::Cache::archives={self.archives}", f"Dir::Etc::sourcelist={self._sources}"),
            *("Dir::Etc::sourceparts=/dev/null", "Dir::Etc::preferences=/dev/null"),
            *("Dir::Etc::preferencesparts=/dev/null", "APT::Install-Recommends=false"),
            *("APT::Install-Suggests=false", "Acquire::Languages=none", "Debug::NoLocking=true"),
            # The directories are for root alone, whose downloads need no user of their own.
            *("APT::Sandbox::User=root", *(_option(line) for line in self._mirror.options)),
        )
        try:
            answer = subprocess.run(
                ["apt-get", *(f"--option={option}" for option in options), *command],
                env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"apt-get {command[0]} failed: {error}") from error
        if answer.returncode != 0:
            last = "\n".join((answer.stdout + answer.stderr).splitlines()[-_ERROR_LINES:])
            raise UnavailableError(
                f"no packages from {self._mirror.uri}:\n{last}",
                f"a Debian mirror that answers: {VARIABLE}=http://…",
            )
        return answer.stdout

    def _take_for_installed(self, names: Sequence[str]) -> None:
        stanzas = [self._installed.rstrip("\n")]
        stanzas += [
            f"Package: {name}\nStatus: install ok installed\nArchitecture: {architecture()}\n"
            "Multi-Arch: foreign\nVersion: 9999:1\nMaintainer: nobody\nDescription: not needed"
            for name in names
        ]
        self._status.write_text("\n\n".join(stanzas) + "\n", encoding="utf-8")


def _option(line: str) -> str:
    """Return a line of apt's configuration, as `apt-config dump` writes it, as an option."""
    name, _, value = line.rstrip(";").partition(" ")
    return f"{name}={value}".replace('"', "")


def _wanted(tree: Tree) -> tuple[str, ...]:
    return tree.repository.packages if tree.repository else tree.packages


def _plain(file: str) -> str:
    """Return a file's name as archives have it: without the epoch of its version, which needs quoting."""
    return re.sub(r"_\d+%3a", "_", file)
