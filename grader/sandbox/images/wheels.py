"""Makes wheels for pip out of Debian's Python packages and of single modules, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grader.errors import SandboxError

_MODULES = PurePosixPath("usr/lib/python3/dist-packages")
_METADATA = {"METADATA", "PKG-INFO"}
_KEPT_METADATA = {"METADATA", "entry_points.txt"}
_WHEEL = "Wheel-Version: 1.0\nGenerator: grader\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_VERSION = re.compile(r"^__version__ = \"(?P<version>[^\"]+)\"$", re.MULTILINE)
_REQUIRES = re.compile(r"^# requires: (?P<name>\S+)$", re.MULTILINE)
_SUMMARY = re.compile(r'^"""(?P<summary>.+?)"*$', re.MULTILINE)


def from_package(package: Path, directory: Path) -> Path:
    """Write the wheel of the Debian package file `package` into `directory` and return its path.

    Only what is written in Python goes in: compiled modules are left out, which the packages offered here
    can do without.

    Raises:
        SandboxError: The package holds no Python distribution.
    """
    files: dict[str, bytes] = {}
    metadata: dict[str, bytes] = {}
    for path, content in _modules(package):
        folder = path.parts[0]
        if folder.endswith((".dist-info", ".egg-info")):
            name = "METADATA" if path.name in _METADATA or len(path.parts) == 1 else path.name
            if name in _KEPT_METADATA:
                metadata[name] = content
        elif path.suffix != ".so" and "__pycache__" not in path.parts:
            files[str(path)] = content
    if "METADATA" not in metadata or not files:
        raise SandboxError(f"{package.name} holds no Python distribution")
    return _write(directory, files, metadata)


def from_module(name: str, content: str, directory: Path) -> Path:
    """Write the wheel of a module that has a function ``main`` and return its path.

    The wheel is called after the module and installs a command of that name; version, summary and
    requirements are read from the text.
    """
    version, summary = _VERSION.search(content), _SUMMARY.search(content)
    lines = [
        *("Metadata-Version: 2.1", f"Name: {name}"),
        f"Version: {version['version'] if version else '0'}",
        f"Summary: {summary['summary'] if summary else name}",
        *(f"Requires-Dist: {found['name']}" for found in _REQUIRES.finditer(content)),
    ]
    metadata = {
        "METADATA": ("\n".join(lines) + "\n").encode(),
        "entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n".encode(),
    }
    return _write(directory, {f"{name}.py": content.encode()}, metadata)


def _modules(package: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield path and content of each file that belongs to Python's path."""
    unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(unpacked.stdout)) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None and path.is_relative_to(_MODULES):
                yield path.relative_to(_MODULES), file.read()


def _write(directory: Path, files: dict[str, bytes], metadata: dict[str, bytes]) -> Path:
    fields = dict(
        line.split(": ", 1)
        for line in metadata["METADATA"].decode().split("\n\n")[0].splitlines()
        if ": " in line
    )
    label = f"{re.sub(r'[-_.]+', '_', fields['Name']).lower()}-{fields['Version']}"
    content = files | {f"{label}.dist-info/{name}": text for name, text in metadata.items()}
    content[f"{label}.dist-info/WHEEL"] = _WHEEL.encode()
    content = dict(sorted(content.items()))
    record = f"{label}.dist-info/RECORD"
    content[record] = (
        "".join(
            *([f"{name},sha256={_sha256(data)},{len(data)}\n" for name, data in content.items()],)
        ).encode()
        + f"{record},,\n".encode()
    )
    path = directory / f"{label}-py3-none-any.whl"
    # Not compressed: what comes out does not depend on a compressor's version.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for name, data in content.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o100644 << 16
            wheel.writestr(member, data)
    return path


def _sha256(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
