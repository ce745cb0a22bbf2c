"""The OCI runtime on this machine, crun or runc, and the command lines it understands."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache

from grader.errors import UnavailableError

KNOWN = ("crun", "runc")
_ELF = b"\x7fELF"
_MFD_EXEC = 0x10  # linux/memfd.h, Linux 6.3 and later
_ABOVE_STREAMS = 64
_VERSION = re.compile(r"version (\S+)")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that was found; commands are argv lists whose state lies in `root`.

    Attributes:
        program: What to execute for a command: `path`, or a sealed copy of it in memory.
    """

    name: str
    path: str
    version: str
    program: str = field(default="", compare=False)

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
            return Runtime(name, path, version[1], _sealed(path))
    names = wanted or " or ".join(KNOWN)
    raise UnavailableError(f"{names} is not installed", f"apt-get install {wanted or KNOWN[0]}")


def _sealed(path: str) -> str:
    """Return what to execute instead of `path`: a sealed copy of it in memory, or itself.

    So that no sandbox can overwrite the program, runtimes copy themselves at every start and execute the
    copy (CVE-2019-5736), unless they come from a sealed one already. Making it once saves every start a
    fifth of its processor time.
    """
    with open(path, "rb") as file:
        content = file.read()
    if not content.startswith(_ELF):
        return path  # a script's interpreter would have to open it once more
    try:
        return f"/proc/self/fd/{_copy(content)}"
    except OSError:
        return path  # vm.memfd_noexec forbids it: then the runtime protects itself as it always does


def _copy(content: bytes) -> int:
    """Return a descriptor of an executable file in memory that nobody can change any more."""
    try:
        draft = os.memfd_create("runtime", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        draft = os.memfd_create("runtime", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(draft, 0o500)
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(draft, fcntl.F_ADD_SEALS, seals)
        # A file that is open for writing cannot be executed.
        reading = os.open(f"/proc/self/fd/{draft}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.fcntl(reading, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STREAMS)
    finally:
        os.close(reading)
