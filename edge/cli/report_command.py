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

    report = write_report(out, **settings)
    made = {"layers": list(report.layers), "states": list(report.states)}
    finish("report", json_, {"page": str(report.page), **made}, _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    sparse = [row for row in result["layers"] if row["predicted_speedup"]]
    if sparse:
        head = ("layer", "kernel", "sparsity", "constants, B", "dense, B", "of dense speed")
        print_table(head, list(map(_cells, sparse)))
    if states := result["states"]:
        kept = sum(state["bytes"] for state in states)
        click.echo(f"{len(states)} states, {kept:,} B, live on from one inference to the next")
    click.echo(f"wrote {result['page']}")


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["name"], row["kernel"], f"{row['sparsity']:.0%}", f"{row['weight_bytes']:,}",
        f"{row['dense_weight_bytes']:,}", f"{row['predicted_speedup']:.2f}x",
    )  # fmt: skip
