"""`edge targets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("targets")
@options.json_flag
def command(json_: bool) -> None:
    """List the targets with their memory and the kernels they use."""
    from edge.target import load_target, targets

    rows = [
        {
            "name": target.name,
            "cpu": target.cpu,
            "sram": target.sram.length if target.sram else None,
            "flash": target.flash.length if target.flash else None,
            "kernels": list(target.kernels),
            "runner": target.emulator,
        }
        for target in map(load_target, targets())
    ]
    finish("targets", json_, {"targets": rows}, _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [(*list(row.values())[:4], " ".join(row["kernels"])) for row in result["targets"]]
    print_table(("target", "cpu", "sram, B", "flash, B", "kernels"), rows)
