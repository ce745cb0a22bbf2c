"""The command that removes leftovers."""

from __future__ import annotations

import click
import msgspec

from grader.cli.context import Context, common_options, pass_context


@click.command(epilog="Example: grader reap")
@common_options
@pass_context
def reap(context: Context) -> None:
    """Remove every sandbox left over by graders that are gone."""
    from grader.sandbox.reaper import reap as reap_now  # most commands need no sandbox

    click.echo(msgspec.json.encode(reap_now(context.settings)))
