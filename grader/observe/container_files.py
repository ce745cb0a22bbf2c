"""Reads files of containers through the engine's API, from outside: no program in them is asked."""

from __future__ import annotations

import io
import posixpath
import tarfile
from typing import Final

from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError

_FILE_BYTES: Final = 1 << 20
_LINKS: Final = 8


def read_file(engine: Engine, container: str, path: str) -> str:
    """Return the text of a file of a container, running or not; symbolic links are followed.

    Args:
        engine: Whose container it is.
        container: Its id or name.
        path: Of the file, of less than 1 MiB.

    Raises:
        EngineError: There is none (status 404), it is no file, or too large a one.
    """
    for _ in range(_LINKS):
        raw = engine.read("GET", f"/containers/{container}/archive", query={"path": path}, limit=_FILE_BYTES)
        try:
            with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
                member = archive.next()
                if member is None or not member.issym():
                    file = archive.extractfile(member) if member is not None and member.isreg() else None
                    if file is None:
                        raise EngineError(f"{path} is no file")
                    return file.read(_FILE_BYTES).decode(errors="replace")
        except tarfile.TarError as error:
            raise EngineError(f"{path}: {error}") from error
        path = posixpath.join(posixpath.dirname(path), member.linkname)
    raise EngineError(f"{path}: too many links")
