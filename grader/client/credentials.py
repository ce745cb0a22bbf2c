"""Keeps who one is at which server, in a file that nobody else can read."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from grader.client.service import Token
from grader.errors import GraderError
from grader.visible import one_line

_FOLDER: Final = "container-grader"


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is at a server; the name is empty where it is not known."""

    server: str
    name: str
    token: str


class _Kept(msgspec.Struct):
    name: str
    token: Token


class _File(msgspec.Struct):
    last: str
    servers: dict[str, _Kept]


def own_folder(variable: str, otherwise: str) -> Path:
    """Return our folder below one of the XDG base directories; those that are not absolute do not count."""
    given = Path(os.environ.get(variable, ""))
    return (given if given.is_absolute() else Path.home() / otherwise) / _FOLDER


def place() -> Path:
    """Return the file that logins are kept in."""
    return own_folder("XDG_CONFIG_HOME", ".config") / "credentials.json"


def last_server() -> str | None:
    """Return the server of the last login."""
    return _read().last or None


def find(server: str) -> Login | None:
    """Return who one is at a server.

    Raises:
        GraderError: The file cannot be read, or by others as well.
    """
    kept = _read().servers.get(server)
    return None if kept is None else Login(server, kept.name, kept.token)


def keep(login: Login) -> Path:
    """Keep a login, and its server as the last one; return the file.

    Raises:
        GraderError: The file cannot be written.
    """
    known = _read()
    known.last = login.server
    known.servers[login.server] = _Kept(login.name, login.token)
    write_private(place(), msgspec.json.format(msgspec.json.encode(known)) + b"\n")
    return place()


def write_private(path: Path, data: bytes, *, replace: bool = True) -> bool:
    """Write a file for oneself only, whole or not at all; return ``False`` where it was there already.

    Args:
        path: Where to.
        data: Its content.
        replace: Whether a file that is there gives way.

    Raises:
        GraderError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            if replace:
                draft.replace(path)
            else:
                path.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise GraderError(f"{one_line(str(path))}: {error.strerror}") from error
    return True


def _read() -> _File:
    path = place()
    shown = one_line(str(path))
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise GraderError(f"others can read your tokens; mend it by: chmod 600 {shown}")
            return msgspec.json.decode(file.read(), type=_File)
    except FileNotFoundError:
        return _File("", {})
    except OSError as error:
        raise GraderError(f"{shown}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise GraderError(f"{shown} is damaged; remove it and log in again") from error
