"""`edge verify`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("verify")
@options.project
@options.runner
@options.toolchain
@click.option("--samples", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--reference", type=click.Choice(["numpy", "litert"]), default="numpy", show_default=True,
    help="litert: the model file in LiteRT's reference kernels.",
)  # fmt: skip
@options.json_flag
def command(out: Path, json_: bool, **settings: Any) -> None:
    """Build OUT, run it, and compare every output bit with the reference."""
    from edge.workflow.verify import verify

    finish("verify", json_, verify(out, **settings).to_json(), _show)


def _show(result: Mapping[str, Any]) -> None:
    click.echo(
        f"{result['runner']}: {result['samples']} samples, {result['values']:,} values, "
        f"{result['mismatches']} mismatches against {result['reference']}"
    )
