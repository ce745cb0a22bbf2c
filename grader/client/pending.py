"""Remembers answers whose verdict was not seen yet, so that sending one again is no second submission."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from typing import Final

from grader.client.credentials import Login, own_folder, write_private
from grader.errors import GraderError
from grader.visible import one_line

_KEPT_SECONDS: Final = 24 * 3600.0
_KEY: Final = re.compile("[0-9a-f]{32}")


class Pending:
    """An answer on its way to a server."""

    def __init__(self, login: Login, slug: str, files: Mapping[str, bytes]) -> None:
        digest = hashlib.sha256()
        parts = [login.server.encode(), login.token.encode(), slug.encode()]
        for name in sorted(files):
            parts += [name.encode(), files[name]]
        for part in parts:
            digest.update(hashlib.sha256(part).digest())
        folder = own_folder("XDG_STATE_HOME", ".local/state") / "pending"
        self._path = folder / digest.hexdigest()

    def key(self) -> str:
        """Return its idempotency key: that of the last time, unless that was long ago or a verdict was seen.

        Raises:
            GraderError: It cannot be kept.
        """
        made = secrets.token_hex(16)
        if write_private(self._path, made.encode(), replace=False):
            return made
        try:
            kept = self._path.read_text(encoding="ascii", errors="replace")
            fresh = time.time() - self._path.stat().st_mtime < _KEPT_SECONDS
        except OSError as error:
            raise GraderError(f"{one_line(str(self._path))}: {error.strerror}") from error
        if fresh and _KEY.fullmatch(kept):
            return kept
        write_private(self._path, made.encode())
        return made

    def forget(self) -> None:
        """Let the same answer be another submission the next time."""
        self._path.unlink(missing_ok=True)
