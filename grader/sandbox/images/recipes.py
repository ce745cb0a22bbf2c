"""What the base root file systems and the engine's images are made of, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.sandbox.images.digest import digest

# Raise it when code of this package changes what comes out of an unchanged recipe.
LAYOUT = 1

SUITE = "trixie"
# Trixie's release, in seconds since 1970: what maintainer scripts write where they would write "today".
SUITE_RELEASED = 1_754_697_600


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

    root: RootRecipe


@dataclass(frozen=True, slots=True)
class Applets:
    """A layer that holds busybox out of a root file system, a link for each applet, and files.

    Attributes:
        directories: Mode by path.
    """

    root: RootRecipe
    files: dict[str, str]
    directories: dict[str, int]


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """An image that the engine offers to answers.

    Attributes:
        names: What answers may call it; the first is shown.
        command: What runs where an answer names nothing.
    """

    name: str
    names: tuple[str, ...]
    layer: WholeSystem | Applets
    command: tuple[str, ...]
    env: tuple[str, ...] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)

    def digest(self) -> str:
        """Return what changes whenever the recipe does, that of its root file system included."""
        return digest(LAYOUT, SUITE, SUITE_RELEASED, self)


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

DEBIAN = ImageRecipe(
    name="debian",
    names=("debian:trixie", "debian:latest", "debian:trixie-slim", "nilcons/debian:latest"),
    layer=WholeSystem(BASE),
    command=("bash",),
)

BUSYBOX = ImageRecipe(
    name="busybox",
    names=("busybox:latest",),
    layer=Applets(
        root=BASE,
        files={
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
            "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
            "www-data:x:33:33:www-data:/var/www:/bin/false\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
            "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n",
        },
        directories={
            "root": 0o700,
            **dict.fromkeys(("tmp", "var/tmp"), 0o1777),
            **dict.fromkeys(("dev", "proc", "sys", "run", "home", "var/www", "usr/local/bin"), 0o755),
        },
    ),
    command=("sh",),
)

IMAGES = (DEBIAN, BUSYBOX)
