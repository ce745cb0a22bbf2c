"""The command `grader login`: takes part in a workshop on a server, and keeps the token."""

from __future__ import annotations

import sys

import click

from grader.cli.context import common_options
from grader.client import credentials, service
from grader.client.connection import Connection, server_url
from grader.errors import GraderError, RefusedError
from grader.visible import one_line

_ASK = "-"


@click.command(epilog="Example: grader login --server http://127.0.0.1:8080 --name ada")
@common_options
@click.option(
    "--server",
    envvar="GRADER_SERVER",
    metavar="URL",
    help="Address of the server.  [default: GRADER_SERVER or that of the last login]",
)
@click.option("--name", help="What the others see; asked for unless given.")
@click.option("--join-code", metavar="CODE", help="Asked for unless given.")
@click.option(
    "--token",
    is_flag=False,
    flag_value=_ASK,
    help="Of somebody who has joined already; without a value, it is asked for and not shown.",
)
def login(server: str | None, name: str | None, join_code: str | None, token: str | None) -> int:
    """Join a workshop on a server, or come back to it with a token.

    The token is kept in a file that only you can read, and never shown.
    """
    if token is not None and join_code is not None:
        raise click.UsageError("--token is for those who have joined already: leave out --join-code")
    address = server_url(server or credentials.last_server() or _ask("Server"))
    before = credentials.find(address)
    found = _with_token(address, name, token) if token is not None else _joined(address, name, join_code)
    place = credentials.keep(found)
    if before is not None and before.token != found.token:
        click.echo("the token that was kept for this server is replaced", err=True)
    whose = f" as {one_line(found.name, 80)}" if found.name else ""
    click.echo(f"logged in at {address}{whose}; the token is kept in {one_line(str(place))}", err=True)
    return 0


def _joined(address: str, name: str | None, join_code: str | None) -> credentials.Login:
    name = name or _ask("Name")
    join_code = join_code or _ask("Join code")
    with Connection(address) as connection:
        try:
            found = service.join(connection, name, join_code)
        except RefusedError as error:
            if error.status != 409:
                raise
            raise GraderError(
                f"{error}; if that is you, take your token from {address}/me and give it to "
                f"grader login --server {address} --token"
            ) from error
    return credentials.Login(address, found.name, found.token)


def _with_token(address: str, name: str | None, token: str) -> credentials.Login:
    token = (_ask("Token", hidden=True) if token == _ASK else token).strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise GraderError("this is no token: one consists of letters and digits")
    with Connection(address, token) as connection:
        found = service.name_by_token(connection)
    return credentials.Login(address, found or name or "", token)


def _ask(what: str, *, hidden: bool = False) -> str:
    try:
        answer: str = click.prompt(what, hide_input=hidden and sys.stdin.isatty(), err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        option = what.lower().replace(" ", "-")
        raise click.UsageError(f"give --{option}: nobody is there to be asked") from None
    return answer
