"""Makes root file systems of Debian packages, the same bytes each time from the same packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from shlex import quote

from grader.errors import UnavailableError
from grader.sandbox.images.mirror import VARIABLE, Mirror
from grader.sandbox.images.recipes import SUITE, SUITE_RELEASED, Account, RootRecipe

_DAY = 86_400
_ERROR_LINES = 15
_DPKG_CONFIGURATION = "dpkg.cfg"
_DPKG_DIRECTORY = "etc/dpkg/dpkg.cfg.d"
_STEP = "I: "

ACCOUNT_FILES = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")

# What depends on the moment, the machine or the mirror, and what only apt's next run would read.
_LEFTOVERS = (
    *("dev/*", "run/*", "tmp/*", "var/tmp/*", "var/log/**/*.log", "var/log/*tmp", "var/log/lastlog"),
    *("etc/.pwd.lock", "etc/*-", "etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap"),
    *("var/lib/apt/lists/*", "var/cache/apt/*", "var/cache/ldconfig/*", "var/cache/debconf/*-old"),
    *(
        "var/lib/dpkg/*-old",
        "var/lib/dpkg/lock*",
        "var/lib/dpkg/triggers/Lock",
        "var/lib/apt/extended_states",
    ),
    "usr/**/__pycache__",
)
_EMPTIED = ("etc/machine-id",)


def make(
    recipe: RootRecipe, mirror: Mirror, root: Path, lock: int, progress: Callable[[str], None]
) -> dict[str, str]:
    """Make a root file system and return the versions of its packages.

    Args:
        recipe: What goes in.
        mirror: Where packages come from.
        root: Directory to make; must not exist.
        lock: A locked descriptor; the processes that write to `root` keep it locked should we die.
        progress: Told each step.

    Raises:
        UnavailableError: mmdebstrap or a right is missing, the mirror does not answer, or packages do not
            install.
    """
    started = time.time()
    _bootstrap(recipe, mirror, root, lock, progress)
    root.with_name(_DPKG_CONFIGURATION).unlink()
    versions = packages(root)
    _remove_excluded(recipe, root)
    _remove_leftovers(root)
    epoch = _newest(root, started)
    _furnish(recipe, root, epoch)
    clamp(root, epoch)
    return versions


def packages(root: Path) -> dict[str, str]:
    """Return the version of each installed package of the root file system `root`, by name."""
    versions = {}
    for stanza in (root / "var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            versions[fields["Package"]] = fields["Version"]
    return dict(sorted(versions.items()))


def architecture() -> str:
    """Return this machine's architecture as Debian calls it."""
    return subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


def _bootstrap(
    recipe: RootRecipe, mirror: Mirror, root: Path, lock: int, progress: Callable[[str], None]
) -> None:
    tool = shutil.which("mmdebstrap")
    if tool is None:
        raise UnavailableError("mmdebstrap is not installed", "apt-get install mmdebstrap")
    if os.geteuid() != 0:
        raise UnavailableError("building images needs root", "sudo grader images build")
    # Not by --dpkgopt, for which mmdebstrap would send every essential package through a slow filter.
    configuration = root.with_name(_DPKG_CONFIGURATION)
    configuration.write_text(_dpkg_configuration(recipe), encoding="utf-8")
    install = f'mkdir -p "$1/{_DPKG_DIRECTORY}" && cp {quote(str(configuration))} "$1/{_DPKG_DIRECTORY}/lean"'
    command = [
        *("setpriv", "--pdeathsig", "TERM"),  # it cleans up and ends when we end, however we do
        *(tool, "--mode=root", "--format=directory", f"--variant={recipe.variant}"),
        f"--include={','.join(recipe.packages)}",
        f"--setup-hook={install}",
        *(f"--aptopt={option}" for option in ('Acquire::Languages "none"', *mirror.options)),
        *(SUITE, str(root), mirror.source()),
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(SUITE_RELEASED), "LC_ALL": "C.UTF-8"}
    last: deque[str] = deque(maxlen=_ERROR_LINES)
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(lock,),
    ) as process:
        try:
            for line in process.stderr or ():
                last.append(line.rstrip())
                if line.startswith(_STEP) and line.endswith("...\n"):
                    progress(line[len(_STEP) : -len("...\n")])
        except BaseException:
            process.terminate()  # mmdebstrap unmounts what it mounted, then ends
            raise
    if process.returncode != 0:
        raise UnavailableError(
            f"mmdebstrap could not make {recipe.name} from {mirror.uri}:\n" + "\n".join(last),
            f"a Debian mirror that answers: {VARIABLE}=http://…",
        )


def _dpkg_configuration(recipe: RootRecipe) -> str:
    lines = ["force-unsafe-io"]  # an interrupted build is thrown away: nothing needs syncing file by file
    lines += [f"path-exclude={pattern}" for pattern in recipe.excluded]
    lines += [f"path-include={pattern}" for pattern in recipe.included]
    return "\n".join(lines) + "\n"


def _remove_excluded(recipe: RootRecipe, root: Path) -> None:
    """Remove what dpkg would have left out: essential packages were unpacked without it."""
    excludes = partial(is_excluded, recipe.excluded, recipe.included)
    for folder, directories, files in os.walk(root, topdown=False):
        inside = folder[len(str(root)) :]
        for name in files:
            path = os.path.join(folder, name)
            target = os.readlink(path) if os.path.islink(path) else ""
            if excludes(f"{inside}/{name}") or excludes(target):
                os.unlink(path)
        for name in directories:
            path = os.path.join(folder, name)
            if excludes(f"{inside}/{name}") and not os.path.islink(path) and not os.listdir(path):
                os.rmdir(path)


def is_excluded(excluded: Iterable[str], included: Iterable[str], path: str) -> bool:
    """Return whether dpkg would leave out `path`, given these patterns (dpkg(1), `--path-exclude`)."""
    return any(fnmatchcase(path, pattern) for pattern in excluded) and not any(
        fnmatchcase(path, pattern) for pattern in included
    )


def _remove_leftovers(root: Path) -> None:
    for pattern in _LEFTOVERS:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name in _EMPTIED:
        if (root / name).exists():
            (root / name).write_text("")


def _newest(root: Path, before: float) -> int:
    """Return the newest modification before that moment: the newest file that came out of a package."""
    return max(
        int(modified)
        for folder, _, files in os.walk(root)
        for name in files
        if (modified := os.lstat(os.path.join(folder, name)).st_mtime) < before
    )


def _furnish(recipe: RootRecipe, root: Path, epoch: int) -> None:
    for directory in recipe.directories:
        (root / directory).mkdir(parents=True, exist_ok=True)
    for name, content in recipe.files.items():
        # Packages may have brought a link that leads out of the root file system.
        (root / name).unlink(missing_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    for name, target in recipe.links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    for account in recipe.accounts:
        for name, line in account_lines(account, epoch).items():
            with open(root / name, "a", encoding="utf-8") as file:
                file.write(line)


def account_lines(account: Account, epoch: int) -> dict[str, str]:
    """Return the line of an account in each of `ACCOUNT_FILES`; `epoch` is when its password was set."""
    name, number = account.name, account.number
    lines = (
        f"{name}:x:{number}:{number}::{account.home}:/bin/bash\n",
        f"{name}:x:{number}:\n",
        f"{name}:!:{epoch // _DAY}:0:99999:7:::\n",
        f"{name}:!::\n",
    )
    return dict(zip(ACCOUNT_FILES, lines, strict=True))


def clamp(root: Path, epoch: int) -> None:
    """Set times after `epoch` to it: what was made during installation gets the newest package's time."""
    for folder, directories, files in os.walk(root, topdown=False):
        for path in (*(os.path.join(folder, name) for name in (*directories, *files)), folder):
            if os.lstat(path).st_mtime > epoch:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
