"""`edge check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("check")
@options.model
@options.compile_options
@options.quiet
@options.json_flag
def command(model: str, json_: bool, quiet: bool, **settings: Any) -> None:
    """Say whether MODEL fits a target. Needs no compiler and writes nothing.

    A float model without --calibration is checked with made-up ranges: its memory does not
    depend on them.
    """
    from edge.workflow.export import check

    finish("check", json_, check(model, progress=not quiet, **settings), _show)


def _show(result: Mapping[str, Any]) -> None:
    for item in result["unsupported"]:
        click.echo(f"not supported: {item['op']} ({item['count']}x), first at {item['where']}")
    if memory := result["memory"]:
        click.echo(", ".join(f"{name} {size:,} B" for name, size in memory.items()))
    click.echo("fits" if result["fits"] else "does not fit")
