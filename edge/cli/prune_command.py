"""`edge prune`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edge.cli import options
from edge.cli.outcome import finish

_FOR_FOLDERS = ("method", "refit")
_FOR_MODULES = (
    "layer", "target", "latency", "loss", "epochs", "rate", "batch", "criterion", "seed",
    "rearranged", "checkpoint",
)  # fmt: skip


@click.command("prune")
@options.model
@click.option("--pattern", required=True, help="1x4, 4x4, 2:4, unstructured, kernel, channel, ...")
@click.option("--sparsity", type=float, help="Fraction to remove of every layer that it fits.")
@click.option(
    "--layer", multiple=True, metavar="NAME=SPARSITY", help="These layers alone; may be repeated."
)
@click.option("-t", "--target", help="Where --latency and --loss count; see `edge targets`.")
@click.option(
    "--latency", type=float, metavar="SHARE|INSTRUCTIONS",
    help="Lose least for this: up to 1 a share of the dense model's predicted instructions.",
)  # fmt: skip
@click.option(
    "--loss", type=float, metavar="SHARE",
    help="Be quickest with this share of magnitude removed, the mean over layers.",
)  # fmt: skip
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
@click.option("--method", default="wanda", show_default=True,
              help="For a language model: magnitude, wanda, dsnot, sparsegpt.")  # fmt: skip
@click.option("--refit", default="auto", show_default=True,
              help="For a language model: fit what stays: auto, exact, cg, none.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True,
              help="The .pt2 file to write, or the folder for a language model.")  # fmt: skip
@options.quiet
@options.json_flag
def command(model: str, json_: bool, quiet: bool, method: str, refit: str, **settings: Any) -> None:
    """Remove weights of the float MODEL and train the others: a .pt2 file with zeros in it.

    MODEL is a .pt2 file or package.module:function returning (module, example_inputs), or a folder
    with config.json and safetensors of a language model, which is pruned block by block without
    training: --data then holds token ids [N, T] (.npy) or text (.txt), and a run that was cut off
    goes on. Start it with torchrun to share the work.
    """
    from edge.frontends import require_torch
    from edge.silence import silenced

    require_torch()
    _refuse(_FOR_MODULES if Path(model).is_dir() else _FOR_FOLDERS, model)
    if Path(model).is_dir():
        with silenced():
            from edge.workflow.prune_folder import prune_folder

        wanted = {name: settings[name] for name in ("pattern", "sparsity", "data", "out")}
        result = prune_folder(Path(model), **wanted, method=method, refit=refit, progress=not quiet)
        finish("prune", json_, result, _show_folder)
        return
    from edge.workflow.prune import prune_file

    finish("prune", json_, prune_file(model, progress=not quiet, **settings), _show)


def _refuse(names: Sequence[str], model: str) -> None:
    """A usage error for options that were given and do not concern this kind of model."""
    context = click.get_current_context()
    given = [
        option.opts[0] for option in context.command.params
        if option.name in names
        and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]  # fmt: skip
    if given:
        kind = "a language model's folder" if Path(model).is_dir() else "not a folder"
        raise click.UsageError(f"{', '.join(given)} cannot be used: {model} is {kind}")


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [(r["name"], f"{r['sparsity']:.3f}", f"{r['retained']:.3f}") for r in result["layers"]]
    print_table(("layer", "sparsity", "magnitude kept"), rows)
    for name, reason in result["skipped"].items():
        click.echo(f"dense: {name}: {reason}")
    if found := result["predicted"]:
        click.echo(
            f"{found['target']}: {found['pruned']:,} instructions predicted, "
            f"{found['ratio']:.2f} of {found['dense']:,}"
        )
    click.echo(f"wrote {result['out']}; next: edge export {result['out']} -t TARGET -o OUT")


def _show_folder(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [
        (r["name"], f"{r['density']:.3f}", _share(r["output_error"]), _share(r["mean_error"]))
        for r in result["layers"]
    ]
    print_table(("layer", "weights left", "output error", "error of the mean"), rows)
    click.echo(f"wrote {result['out']}")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
