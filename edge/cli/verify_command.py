"""`edge verify`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("verify")
@options.project
@options.runner
@options.toolchain
@click.option("--samples", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--reference", type=click.Choice(["numpy", "litert"]), default="numpy", show_default=True,
    help="litert: the model file in LiteRT's reference kernels.",
)  # fmt: skip
@click.option(
    "--train-steps", type=click.IntRange(1), metavar="N",
    help="Train on N random samples instead; compares scores and all trainables of each step.",
)  # fmt: skip
@options.json_flag
def command(out: Path, json_: bool, train_steps: int | None, **settings: Any) -> None:
    """Build OUT, run it, and compare every output bit with the reference."""
    if train_steps is not None:
        _verify_training(out, train_steps, json_, settings["on"], settings["toolchain"])
        return
    from edge.workflow.verify import verify

    finish("verify", json_, verify(out, **settings).to_json(), _show)


def _verify_training(
    out: Path, steps: int, json_: bool, on: str | None, toolchain: str | None
) -> None:
    from edge.workflow.train import verify_training

    done = verify_training(out, steps, on=on, toolchain=toolchain)
    finish("verify", json_, done.to_json(), _show_training)


def _show_training(result: Mapping[str, Any]) -> None:
    click.echo(
        f"{result['runner']}: {result['steps']} training steps, {result['values']:,} values, "
        f"{result['mismatches']} mismatches against numpy"
    )
    click.echo(f"trainables {result['digest']}")


def _show(result: Mapping[str, Any]) -> None:
    click.echo(
        f"{result['runner']}: {result['samples']} samples, {result['values']:,} values, "
        f"{result['mismatches']} mismatches against {result['reference']}"
    )
