"""`edge report`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("report")
@options.project
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Page to write; OUT/report.html."
)
@click.option("--measure/--no-measure", default=True, help="Build and measure first.")
@options.runner
@options.toolchain
@options.json_flag
def command(out: Path, json_: bool, **settings: Any) -> None:
    """Write one self-contained HTML page: layers, arena over time, memory budget, diagnostics."""
    from edge.report.page import write_report

    page = write_report(out, **settings)
    finish("report", json_, {"page": str(page)}, _show)


def _show(result: Mapping[str, Any]) -> None:
    click.echo(f"wrote {result['page']}")
