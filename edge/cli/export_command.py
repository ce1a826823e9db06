"""`edge export`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish
from edge.packages.kinds import KINDS


@click.command("export")
@options.model
@options.compile_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder to write."
)
@click.option("--name", help="Prefix of the C names; the model's file name by default.")
@click.option("--force", is_flag=True, help="Replace OUT even if edge did not write it.")
@click.option("--check", "checked", is_flag=True, help="Check the graph after each pass.")
@click.option(
    "--dump-ir", type=click.Path(path_type=Path), help="Folder that gets the graph of each pass."
)
@click.option(
    "--train", type=click.Path(path_type=Path), metavar="PLAN",
    help="A plan of `edge train-plan`: the C trains what it says.",
)  # fmt: skip
@click.option(
    "--package", multiple=True, type=click.Choice(list(KINDS)), metavar="KIND",
    help=f"A package in OUT/KIND as well: {', '.join(KINDS)}. May be repeated.",
)  # fmt: skip
@options.quiet
@options.json_flag
def command(
    model: str, json_: bool, quiet: bool, dump_ir: Path | None, train: Path | None, **settings: Any
) -> None:
    """Turn MODEL into a folder of plain C for a target.

    MODEL is a .tflite file, a .pt2 file, or package.module:function returning
    (module, example_inputs). A language model is a llama2.c .bin, or a folder with config.json and
    safetensors of a Llama: its C computes one token at a time.
    """
    from edge.workflow.export import export

    if train is not None:
        _export_training(model, train, json_, progress=not quiet, dump=dump_ir, **settings)
        return
    exported = export(model, progress=not quiet, dump=dump_ir, **settings)
    finish("export", json_, exported.to_json(), _show)


def _export_training(model: str, train: Path, json_: bool, **settings: Any) -> None:
    from edge.workflow.train import export_training

    exported = export_training(model, train=train, **settings)
    finish("export", json_, exported.to_json(), _show_training)


def _show_training(result: Mapping[str, Any]) -> None:
    ram = result["predicted"]["ram"]
    click.echo(f"RAM {ram['total']:,} B: arena {ram['arena']:,}, trainables {ram['trainables']:,}")
    _show_packages(result)
    click.echo(f"wrote {result['out']}; next: edge verify {result['out']} --train-steps 10")


def _show(result: Mapping[str, Any]) -> None:
    memory, model = result["memory"], result["model"]
    click.echo(f"{model['name']}: {model['macs']:,} MACs, {model['parameters']:,} parameters")
    click.echo(f"arena {memory['arena']:,} B, constants {memory['weights']:,} B")
    _show_packages(result)
    click.echo(f"wrote {result['out']}; next: edge verify {result['out']}")


def _show_packages(result: Mapping[str, Any]) -> None:
    for kind, made in result.get("packages", {}).items():
        total = sum(made["files"].values())
        click.echo(
            f"{result['out']}/{kind}: {total:,} B in {len(made['files'])} files; "
            f"this kind is {made['support']}"
        )
