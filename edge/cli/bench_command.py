"""`edge bench`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("bench")
@options.project
@options.runner
@options.toolchain
@options.json_flag
def command(out: Path, json_: bool, **settings: Any) -> None:
    """Measure OUT: instructions or time, RAM, flash and stack; per layer."""
    from edge.workflow.bench import bench

    finish("bench", json_, bench(out, **settings).to_json(), _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    unit = "time_us" if result["instructions"] is None else "instructions"
    rows = [
        (layer["name"], layer["op"], layer["kernel"], layer["macs"], layer[unit])
        for layer in result["layers"]
    ]
    print_table(("layer", "op", "kernel", "MACs", unit.replace("_", " ")), rows)
    click.echo(f"{unit.replace('_', ' ')} of one inference: {result[unit]:,}")
    for region in ("ram", "flash"):
        if sizes := result[region]:
            parts = ", ".join(f"{name} {n:,}" for name, n in sizes.items() if name != "total")
            click.echo(f"{region}: {sizes['total']:,} B ({parts})")
    click.echo(f"{result['runner']}, {result['toolchain']}")
