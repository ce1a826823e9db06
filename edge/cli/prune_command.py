"""`edge prune`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("prune")
@options.model
@click.option("--pattern", required=True, help="1x4, 4x4, 2:4, unstructured, kernel, channel, ...")
@click.option("--sparsity", type=float, required=True, help="Fraction of the weights to remove.")
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="FILE",
    help="What to train on: .npz with float inputs and integer labels, one sample a row.",
)  # fmt: skip
@click.option("--epochs", default=0, show_default=True, help="0 prunes at once, without training.")
@click.option("--rate", default=0.02, show_default=True, help="Peak of the learning rate.")
@click.option("--batch", default=128, show_default=True, help="Samples a step.")
@click.option(
    "--criterion", default="l1", show_default=True, help="l1, l2, taylor, movement, random."
)
@click.option("--seed", default=0, show_default=True)
@click.option("--rearrange/--no-rearrange", "rearranged", default=True,
              help="Permute channels so that blocks collect magnitude.")  # fmt: skip
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), metavar="FILE",
    help="Written after every epoch and gone on from.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The .pt2 file to write."
)
@options.quiet
@options.json_flag
def command(model: str, json_: bool, quiet: bool, **settings: Any) -> None:
    """Remove weights of the float MODEL and train the others: a .pt2 file with zeros in it.

    MODEL is a .pt2 file or package.module:function returning (module, example_inputs).
    """
    from edge.frontends import require_torch

    require_torch()
    from edge.workflow.prune import prune_file

    finish("prune", json_, prune_file(model, progress=not quiet, **settings), _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [(r["name"], f"{r['sparsity']:.3f}", f"{r['retained']:.3f}") for r in result["layers"]]
    print_table(("layer", "sparsity", "magnitude kept"), rows)
    click.echo(f"wrote {result['out']}; next: edge export {result['out']} -t TARGET -o OUT")
