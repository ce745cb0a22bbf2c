"""The command that examines this machine."""

from __future__ import annotations

import click
import msgspec
from rich.table import Table
from rich.text import Text

from grader.cli.context import EXIT_INFRASTRUCTURE, EXIT_PASSED, Context, common_options, pass_context
from grader.report.table import console


@click.command(epilog="Example: grader doctor --json | jq .profiles")
@common_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@pass_context
def doctor(context: Context, as_json: bool) -> int:
    """Report what this machine offers, what is missing, and how to mend it."""
    from grader.sandbox.doctor import examine  # most commands need no sandbox

    diagnosis = examine(context.settings)
    ready = all(finding.ok for finding in diagnosis.findings) and all(
        profile.available for profile in diagnosis.profiles
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(diagnosis), indent=2))
        return EXIT_PASSED if ready else EXIT_INFRASTRUCTURE
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in diagnosis.findings:
        mend = f"; mend it by: {finding.mend}" if finding.mend else ""
        table.add_row(
            Text("ok" if finding.ok else "missing", "green" if finding.ok else "red"),
            Text(finding.name),
            Text(f"{finding.value}{mend}", overflow="fold"),
        )
    for profile in diagnosis.profiles:
        because = f"because {profile.reason}" if profile.reason else ""
        mend = f"; mend it by: {profile.mend}" if profile.mend else ""
        table.add_row(
            Text(
                "available" if profile.available else "unavailable", "green" if profile.available else "red"
            ),
            Text(f"profile {profile.profile}"),
            Text(f"{profile.trial_ms:.0f} ms" if profile.available else f"{because}{mend}", overflow="fold"),
        )
    console().print(table)
    return EXIT_PASSED if ready else EXIT_INFRASTRUCTURE
