"""`edge run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("run")
@options.project
@click.option(
    "--input", "inputs", multiple=True, required=True, type=click.Path(path_type=Path),
    help="A .npy file with one inference a row; repeat for models with several inputs.",
)  # fmt: skip
@click.option(
    "--output", "outputs", multiple=True, required=True, type=click.Path(path_type=Path),
    help="Where the outputs go, as .npy; repeat for models with several outputs.",
)  # fmt: skip
@click.option("--dequantize", is_flag=True, help="Write float32 instead of the stored int8.")
@options.runner
@options.toolchain
@options.json_flag
def command(out: Path, json_: bool, **settings: Any) -> None:
    """Run OUT on the inferences of a .npy file.

    The input is [N, ...] or [N, flat], int8 as in the model or float32, which is quantized by the
    model's own parameters.
    """
    from edge.workflow.run import run_files

    finish("run", json_, run_files(out, **settings), _show)


def _show(result: Mapping[str, Any]) -> None:
    click.echo(f"{result['samples']} inferences on {result['runner']}")
    for path in result["outputs"]:
        click.echo(f"wrote {path}")
