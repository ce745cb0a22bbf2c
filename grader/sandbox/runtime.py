"""The OCI runtime on this machine, crun or runc, and the command lines it understands."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache

from grader.errors import UnavailableError

KNOWN = ("crun", "runc")
_VERSION = re.compile(r"version (\S+)")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that was found; commands are argv lists whose state lies in `root`."""

    name: str
    path: str
    version: str

    def _command(self, root: str, log: str) -> list[str]:
        return [self.path, "--root", root, "--log", log, "--log-format", "json"]

    def run(self, root: str, log: str, bundle: str, name: str) -> list[str]:
        """Create and start a sandbox, and return once its first process runs."""
        return [*self._command(root, log), "run", "--detach", *self._bundle(bundle), name]

    def create(self, root: str, log: str, bundle: str, name: str, *, descriptors: int = 0) -> list[str]:
        """Create a sandbox whose first process waits for `start`, with that many descriptors from 3 on."""
        preserved = ["--preserve-fds", str(descriptors)] if descriptors else []
        return [*self._command(root, log), "create", *preserved, *self._bundle(bundle), name]

    def start(self, root: str, log: str, name: str) -> list[str]:
        """Let a created sandbox go."""
        return [*self._command(root, log), "start", name]

    def execute(self, root: str, log: str, process: str, pid_file: str, name: str) -> list[str]:
        """Run a further process, described in the file `process`, in the foreground."""
        return [*self._command(root, log), "exec", "--process", process, "--pid-file", pid_file, name]

    def _bundle(self, bundle: str) -> list[str]:
        return ["--bundle", bundle, "--pid-file", f"{bundle}/pid"]


@lru_cache(maxsize=8)
def find(wanted: str = "") -> Runtime:
    """Return the runtime called `wanted`, or the first known one that is installed.

    Raises:
        UnavailableError: None is there.
    """
    for name in (wanted,) if wanted else KNOWN:
        path = shutil.which(name)
        if path is None:
            continue
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10)
        version = _VERSION.search(answer.stdout)
        if answer.returncode == 0 and version:
            return Runtime(name, path, version[1])
    names = wanted or " or ".join(KNOWN)
    raise UnavailableError(f"{names} is not installed", f"apt-get install {wanted or KNOWN[0]}")
