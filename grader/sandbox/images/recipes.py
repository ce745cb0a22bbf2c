"""What root file systems, layers and images can be made of, and the root file systems, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.sandbox.images.digest import digest

# Raise it when code of this package changes what comes out of an unchanged recipe.
LAYOUT = 1

SUITE = "trixie"
# Trixie's release, in seconds since 1970: what maintainer scripts write where they would write "today".
SUITE_RELEASED = 1_754_697_600

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """A user with a group of the same name and number, who cannot log in."""

    name: str
    number: int
    home: str


@dataclass(frozen=True, slots=True)
class RootRecipe:
    """A root file system of Debian packages.

    Attributes:
        variant: Which packages come on their own (mmdebstrap's `--variant`).
        packages: Installed besides them.
        excluded: Patterns of files that dpkg leaves out.
        included: Patterns of files that it keeps in spite of `excluded`.
        directories: Mount points that sandboxes need and packages do not bring; images do without.
        files: Content by path, instead of what packages brought.
        links: Target by path.
        accounts: Besides Debian's own.
    """

    name: str
    variant: str
    packages: tuple[str, ...]
    excluded: tuple[str, ...]
    included: tuple[str, ...]
    directories: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()

    def digest(self) -> str:
        """Return what changes whenever the recipe does."""
        return digest(LAYOUT, SUITE, SUITE_RELEASED, self)


@dataclass(frozen=True, slots=True)
class WholeSystem:
    """A layer that holds a root file system, less what was added to it for sandboxes."""

    name: str
    root: RootRecipe


@dataclass(frozen=True, slots=True)
class Applets:
    """A layer that holds busybox out of a root file system, a link for each applet, and files.

    Attributes:
        directories: Mode by path.
    """

    name: str
    root: RootRecipe
    files: dict[str, str]
    directories: dict[str, int]


@dataclass(frozen=True, slots=True)
class Repository:
    """Packages that can be installed without network.

    Attributes:
        packages: For apt, with all that they depend on.
        wheels: Those of them that are offered to pip, too.
        modules: Content of Python modules with a command of the same name, for pip, by that name.
    """

    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    modules: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tree:
    """A layer of files that lie on top of a whole system or of busybox.

    Packages in it are unpacked, not installed: no script of theirs runs, so that nothing depends on the
    moment, and dpkg does not know them, so that apt works as in the system below.

    Attributes:
        root: The root file system that packages and accounts complete.
        repository: What the layer offers to apt and pip.
        packages: Unpacked into the layer, with all that they depend on.
        granted: Packages that are not needed although others depend on them.
        excluded: Patterns of files that are left out of packages.
        copied: Paths of files out of the root file system of the engine.
        files: Content by path; what begins with ``#!`` can be executed.
        directories: Mode and owner by path.
        links: Target by path.
        accounts: Besides those of the root file system.
    """

    name: str
    root: RootRecipe
    repository: Repository | None = None
    packages: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    directories: dict[str, tuple[int, int]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()


Layer = WholeSystem | Applets | Tree


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """An image that the engine offers to answers.

    Attributes:
        names: What answers may call it; the first is shown.
        layers: From the lowest on.
        command: What runs where an answer names nothing.
        settings: Further settings, by their names in the configuration of OCI images.
    """

    name: str
    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    command: tuple[str, ...]
    env: tuple[str, ...] = (PATH,)
    settings: dict[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """Return what changes whenever the recipe does, those of its layers included."""
        return digest(LAYOUT, SUITE, SUITE_RELEASED, self)


def layer_digest(layer: Layer) -> str:
    """Return what changes whenever the recipe of `layer` does."""
    return digest(LAYOUT, SUITE, SUITE_RELEASED, layer)


_UNREAD = (
    *(
        f"/usr/share/{name}/*"
        for name in ("doc", "man", "info", "locale", "groff", "lintian", "linda", "bug")
    ),
)
_LICENCES = ("/usr/share/doc/*/copyright",)
_LOCALHOST = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

BASE = RootRecipe(
    name="base",
    variant="minbase",
    packages=(
        *("bash", "coreutils", "util-linux", "mount", "procps", "psmisc", "hostname", "busybox-static"),
        *("iproute2", "iputils-ping", "net-tools"),
    ),
    excluded=_UNREAD,
    included=_LICENCES,
    directories=("work", "answer"),
    files={"etc/hosts": _LOCALHOST, "etc/hostname": "", "etc/resolv.conf": ""},
    accounts=(Account("learner", 1000, "/work"),),
)

ENGINE = RootRecipe(
    name="engine",
    variant="essential",  # without apt: nothing is installed in it later
    packages=(
        *("docker.io", "docker-cli", "docker-buildx", "docker-compose", "crun", "iptables", "iproute2"),
        *("procps", "bash", "mount", "busybox-static", "ca-certificates"),
    ),
    excluded=(
        *_UNREAD,
        "/usr/lib/*-linux-gnu*/gconv/*",
        "/usr/bin/ctr",
        "/usr/bin/containerd-shim",
        "/usr/bin/containerd-shim-runc-v1",
    ),
    included=_LICENCES,
    directories=("work", "answer", "golden", "var/lib/docker", "etc/docker"),
    files={"etc/hosts": _LOCALHOST, "etc/hostname": "", "etc/resolv.conf": ""},
    # BuildKit starts the first `runc` on dockerd's PATH; with this directory in front it is crun, which
    # is quicker, while containers keep the runtime that daemon.json names.
    links={"usr/local/libexec/buildkit/runc": "/usr/bin/crun"},
)

ROOTS = (BASE, ENGINE)
