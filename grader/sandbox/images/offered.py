"""The layers and images that the engine offers to answers, as data."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from grader.sandbox.images.recipes import (
    BASE,
    PATH,
    Account,
    Applets,
    ImageRecipe,
    Layer,
    Repository,
    Tree,
    WholeSystem,
)

_FILES = resources.files("grader.sandbox.images") / "files"


@cache
def _files(folder: str) -> dict[str, str]:
    """Return the content of each text below `folder` of our own files, by path."""
    found: dict[str, str] = {}
    waiting = [(_FILES / folder, "")]
    while waiting:
        directory, path = waiting.pop()
        for entry in directory.iterdir():
            if entry.name == "__pycache__":
                continue  # of whoever compiled this package
            if entry.is_dir():
                waiting.append((entry, f"{path}{entry.name}/"))
            else:
                found[f"{path}{entry.name}"] = entry.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


_DEBIAN = WholeSystem("debian", BASE)

_PYTHON_PACKAGES = tuple(
    f"python3-{name}"
    for name in (
        *("blinker", "certifi", "charset-normalizer", "click", "colorama", "flask", "idna", "iniconfig"),
        *("itsdangerous", "jinja2", "markupsafe", "packaging", "pluggy", "pytest", "requests", "six"),
        *("tabulate", "urllib3", "werkzeug", "yaml"),
    )
)

_OFFLINE = Tree(
    "offline",
    BASE,
    repository=Repository(
        packages=(
            *("figlet", "toilet", "cowsay", "sl", "hello", "sudo", "curl", "wget", "ca-certificates", "jq"),
            *("gcc", "libc6-dev", "make", "netcat-openbsd", "procps", "iproute2", "iputils-ping"),
            *("nginx", "postgresql-client", "tini", "less", "file", "tree"),
            *("python3", "python3-pip", "python3-venv", *_PYTHON_PACKAGES),
        ),
        wheels=_PYTHON_PACKAGES,
        modules={
            name.removesuffix(".py"): content
            for name, content in _files("modules").items()
            if name.endswith(".py")
        },
    ),
    files=_files("offline"),
)

_COMPILER = Tree(
    "gcc",
    BASE,
    packages=("gcc", "libc6-dev", "make"),
    # Compiling a program needs neither link-time optimisation nor the run-time checkers.
    excluded=(
        *("/usr/libexec/gcc/*/lto*", "/usr/lib/*/lib[alt]san.so.*", "/usr/lib/*/libhwasan.so.*"),
        *("/usr/lib/gcc/*/lib*san*", "/usr/lib/*/libubsan.so.*", "/usr/bin/*gp-*", "/usr/bin/*gprofng*"),
        *("/usr/lib/*/libgprofng.so.*", "/usr/lib/*/gprofng/*", "/usr/bin/*dwp", "/usr/bin/*lto-dump*"),
        "/usr/share/doc/*",
    ),
    links={"usr/bin/cc": "gcc", "usr/bin/c89": "c89-gcc", "usr/bin/c99": "c99-gcc"},
)

_POSTGRES_ID = 999
_POSTGRES_HOME = "var/lib/postgresql"
_POSTGRES = Tree(
    "postgres",
    BASE,
    packages=("postgresql-17", "postgresql-client-17", "tzdata"),
    # Just-in-time compilation and Debian's way of managing several clusters: half of the size.
    granted=("libllvm19", "postgresql-common", "postgresql-client-common", "ssl-cert", "locales"),
    excluded=(
        *("/usr/lib/postgresql/*/lib/bitcode/*", "/usr/lib/postgresql/*/lib/llvmjit*", "/usr/share/doc/*"),
        *("/usr/share/postgresql/*/man/*", "/usr/share/locale/*", "/usr/share/zoneinfo/right/*"),
    ),
    files=_files("postgres"),
    directories={
        _POSTGRES_HOME: (0o755, _POSTGRES_ID),
        f"{_POSTGRES_HOME}/data": (0o700, _POSTGRES_ID),
        "run/postgresql": (0o2775, _POSTGRES_ID),
        "docker-entrypoint-initdb.d": (0o755, 0),
    },
    accounts=(Account("postgres", _POSTGRES_ID, f"/{_POSTGRES_HOME}"),),
)
_POSTGRES_PATH = f"{PATH}:/usr/lib/postgresql/17/bin"

_REGISTRY = Tree(
    "registry",
    BASE,
    packages=("docker-registry",),
    granted=("adduser",),
    excluded=("/etc/*", "/usr/lib/systemd/*", "/usr/share/doc/*", "/var/*"),
    files=_files("registry"),
    directories={"var/lib/registry": (0o755, 0)},
    links={"usr/bin/registry": "docker-registry"},
)

_CLIENT = Tree("docker", BASE, copied=("usr/bin/docker",))

_BUSYBOX = Applets(
    "busybox",
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
)
_WEBAPP = Tree("webapp", BASE, files=_files("webapp"))
_GUESTBOOK = Tree("guestbook", BASE, files=_files("guestbook"))


def _listens(port: int, **further: Any) -> dict[str, Any]:
    return {"ExposedPorts": {f"{port}/tcp": {}}, **further}


IMAGES = (
    ImageRecipe(
        name="debian",
        names=("debian:trixie", "debian:latest", "debian:trixie-slim", "nilcons/debian:latest"),
        layers=(_DEBIAN, _OFFLINE),
        command=("bash",),
    ),
    ImageRecipe(name="busybox", names=("busybox:latest",), layers=(_BUSYBOX,), command=("sh",)),
    ImageRecipe(
        name="webapp",
        names=("webapp:latest",),
        layers=(_BUSYBOX, _WEBAPP),
        command=("webapp",),
        settings=_listens(8080),
    ),
    ImageRecipe(name="gcc", names=("gcc:latest", "gcc:14"), layers=(_DEBIAN, _COMPILER), command=("bash",)),
    ImageRecipe(
        name="postgres",
        names=("postgres:17", "postgres:latest"),
        layers=(_DEBIAN, _POSTGRES),
        command=("postgres",),
        env=(_POSTGRES_PATH, "LANG=C.UTF-8", f"PGDATA=/{_POSTGRES_HOME}/data"),
        settings=_listens(
            5432,
            Entrypoint=["docker-entrypoint.sh"],
            Volumes={f"/{_POSTGRES_HOME}/data": {}},
            StopSignal="SIGINT",
        ),
    ),
    ImageRecipe(
        name="guestbook",
        names=("guestbook:latest",),
        layers=(_DEBIAN, _POSTGRES, _GUESTBOOK),
        command=("guestbook",),
        env=(_POSTGRES_PATH, "LANG=C.UTF-8"),
        settings=_listens(8080),
    ),
    ImageRecipe(
        name="registry",
        names=("registry:2", "registry:latest"),
        layers=(_DEBIAN, _REGISTRY),
        command=("/etc/docker/registry/config.yml",),
        settings=_listens(5000, Entrypoint=["registry", "serve"], Volumes={"/var/lib/registry": {}}),
    ),
    ImageRecipe(
        name="docker",
        names=("docker:cli", "docker:latest"),
        layers=(_DEBIAN, _CLIENT),
        command=("bash",),
    ),
)


def layers() -> tuple[Layer, ...]:
    """Return the layers of all images, each once and after those below it."""
    return tuple({layer.name: layer for image in IMAGES for layer in image.layers}.values())
