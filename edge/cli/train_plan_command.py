"""`edge train-plan`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("train-plan")
@options.model
@options.compile_options
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="FILE",
    help="An .npz with inputs x and classes y.",
)  # fmt: skip
@click.option(
    "--scheme", default="auto", show_default=True,
    help="auto: the most useful parts that fit; or bias-only, full, last-K.",
)  # fmt: skip
@click.option(
    "--scores", type=click.Choice(["fisher", "contribution"]), default="fisher", show_default=True,
    help="What auto goes by: squared gradients, or losses after really training each part. These "
    "are kept beside the plan and measured once.",
)  # fmt: skip
@click.option(
    "--score-steps", type=click.IntRange(1), default=64, show_default=True,
    help="Steps that measure the contribution of a part.",
)  # fmt: skip
@click.option(
    "--reorder/--no-reorder", default=True, show_default=True,
    help="Let auto put those channels first that gain most by training.",
)  # fmt: skip
@click.option("--work", type=click.IntRange(1), help="Most backward multiply-accumulates.")
@click.option("--learning-rate", type=float, default=3e-3, show_default=True)
@click.option(
    "--loss", type=click.Choice(["cross_entropy", "squared_error"]), default="cross_entropy",
    show_default=True,
)  # fmt: skip
@click.option(
    "--gradients", type=click.Choice(["int8", "float32"]), default="int8", show_default=True,
    help="Arithmetic of the backward pass; float32 takes four times the RAM, and wants an FPU.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Choice(["q8.8", "stochastic"]), default="q8.8", show_default=True,
    help="How trained weights are kept: two bytes each, or one and stochastic rounding.",
)  # fmt: skip
@click.option(
    "--masks", type=click.Choice(["auto", "none", "fixed", "dynamic"]), default="auto",
    show_default=True,
    help="Zero blocks of four weights stay zero: fixed in flash, or dynamic in RAM. auto: fixed "
    "where the model is pruned.",
)  # fmt: skip
@click.option(
    "--gradient-share", type=float, default=1.0, show_default=True,
    help="Share of a layer's output channels, those with the largest gradient, that a step trains.",
)  # fmt: skip
@click.option(
    "--easy", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="A step ends before its backward pass if no probability is further off than this.",
)  # fmt: skip
@click.option(
    "--headroom", type=click.FloatRange(1, 64), default=1.0, show_default=True,
    help="How many times as wide as calibrated the range of the scores becomes: where classes are "
    "new, scores run out of it and learn no more.",
)  # fmt: skip
@click.option("--cooling", is_flag=True, help="NAME_cool() halves the learning rate.")
@click.option(
    "--replay", default="0", show_default=True, metavar="N|SIZE",
    help="Samples to keep and train on again, or their bytes: 100, or 64K.",
)  # fmt: skip
@click.option(
    "--replays", type=click.IntRange(0), default=1, show_default=True,
    help="Steps on kept samples after each new one.",
)  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@options.quiet
@options.json_flag
def command(model: str, json_: bool, quiet: bool, out: Path, replay: str, **settings: Any) -> None:
    """Choose which parts of MODEL are trained on the device, within the target's RAM."""
    from edge.emit.project import to_json
    from edge.workflow.train import train_plan

    kept = int(replay) if replay.isdigit() else replay
    file = out.with_name(f"{out.name}.scores") if settings["scores"] == "contribution" else None
    plan = train_plan(model, progress=not quiet, replay=kept, scores_file=file, **settings)
    out.write_text(to_json(plan.to_json()))
    finish("train-plan", json_, {"out": str(out), **plan.to_json()}, _show)


def _show(result: Mapping[str, Any]) -> None:
    ram = result["predicted"]["ram"]
    click.echo(f"{len(result['biases'])} biases, {len(result['weights'])} weights")
    for name, channels in result["weights"].items():
        click.echo(f"  {name}: {channels} input channels")
    click.echo(f"RAM {ram['total']:,} B: arena {ram['arena']:,}, trainables {ram['trainables']:,}")
    if ram["replay"]:
        kept = result["settings"]["replay"]
        click.echo(f"  of which {ram['replay']:,} for {kept} samples to train on again")
    click.echo(f"wrote {result['out']}; next: edge export --train {result['out']}")
