"""`edge quantize`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("quantize")
@options.model
@click.option(
    "--calibration", type=click.Path(path_type=Path), metavar="FILE", required=True,
    help="Real inputs: .npz or .npy, one sample a row.",
)  # fmt: skip
@options.observer
@options.activation_bits
@click.option(
    "--labels", type=click.Path(path_type=Path), metavar="FILE",
    help="Class of each calibration sample (.npy): adds float and int8 accuracy.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the int8 graph in Edge's text form.",
)  # fmt: skip
@options.quiet
@options.json_flag
def command(model: str, json_: bool, quiet: bool, **settings: Any) -> None:
    """Quantize the float MODEL and report the error each layer adds (SQNR in dB)."""
    from edge.workflow.quantize import quantize_file

    finish("quantize", json_, quantize_file(model, progress=not quiet, **settings), _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [(r["name"], r["op"], r["sqnr_db"], r["cumulative_db"]) for r in result["layers"]]
    print_table(("layer", "op", "SQNR of the layer alone, dB", "SQNR so far, dB"), rows)
    for key in ("agreement", "float_accuracy", "int8_accuracy"):
        if result.get(key) is not None:
            click.echo(f"{key.replace('_', ' ')}: {result[key]:.4f}")
    if result.get("out"):
        click.echo(f"wrote {result['out']}")
