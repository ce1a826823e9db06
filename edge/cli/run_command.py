"""`edge run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish
from edge.cli.tables import print_table


@click.command("run")
@options.project
@click.option(
    "--input", "inputs", multiple=True, type=click.Path(path_type=Path),
    help="A .npy file with one inference a row; repeat for models with several inputs.",
)  # fmt: skip
@click.option(
    "--output", "outputs", multiple=True, type=click.Path(path_type=Path),
    help="Where the outputs go, as .npy; repeat for models with several outputs.",
)  # fmt: skip
@click.option("--dequantize", is_flag=True, help="Write float32 instead of the stored int8.")
@click.option(
    "--train", type=click.Path(path_type=Path), metavar="FILE",
    help="Learn from a stream instead: an .npz with samples x and classes y. Shows the curve.",
)  # fmt: skip
@click.option("--window", type=click.IntRange(1), help="Samples of a point of that curve.")
@click.option("--prompt", metavar="TEXT", help="Of a language model: let it go on with TEXT.")
@click.option("--tokens", type=click.IntRange(1), help="How many tokens it adds; 200 by default.")
@options.runner
@options.toolchain
@options.json_flag
def command(
    out: Path,
    json_: bool,
    train: Path | None,
    window: int | None,
    prompt: str | None,
    tokens: int | None,
    **settings: Any,
) -> None:
    """Run OUT on the inferences of a .npy file, or let it learn from a stream of samples.

    A language model goes on with a --prompt, each time with its likeliest token.

    The input is [N, ...] or [N, flat], int8 as in the model or float32, which is quantized by the
    model's own parameters.
    """
    if prompt is not None:
        _generate(out, prompt, tokens, json_, settings)
        return
    if train is not None:
        _learn(out, train, window, json_, settings)
        return
    from edge.workflow.run import run_files

    if not settings["inputs"] or not settings["outputs"]:
        raise click.UsageError("give --input and --output, or --train, or --prompt")

    finish("run", json_, run_files(out, **settings), _show)


def _generate(
    out: Path, prompt: str, tokens: int | None, json_: bool, settings: Mapping[str, Any]
) -> None:
    from edge.workflow.generate import TOKENS, generate

    if settings["inputs"] or settings["outputs"]:
        raise click.UsageError("--prompt takes no --input and no --output")
    where = {name: settings[name] for name in ("on", "toolchain")}
    made = generate(out, prompt, tokens or TOKENS, **where)
    finish("run", json_, made.to_json(), _show_text)


def _show_text(result: Mapping[str, Any]) -> None:
    click.echo(result["text"])
    click.echo(f"{len(result['ids'])} tokens on {result['runner']}", err=True)
    if counted := result["instructions"]:
        click.echo(
            f"{counted['mean']:,} instructions a token, {counted['most']:,} at most", err=True
        )


def _learn(
    out: Path, data: Path, window: int | None, json_: bool, settings: Mapping[str, Any]
) -> None:
    from edge.workflow.learn import learn

    if settings["inputs"] or settings["outputs"]:
        raise click.UsageError("--train takes its samples from its file alone")
    curve = learn(out, data, window=window, on=settings["on"], toolchain=settings["toolchain"])
    finish("run", json_, curve.to_json(), _show_curve)


def _show_curve(result: Mapping[str, Any]) -> None:
    click.echo(f"{result['samples']} training steps on {result['runner']}, before each step:")
    rows = [
        (
            f"{w['first']:,} - {w['end'] - 1:,}",
            f"{w['loss']:.4f}",
            "-" if w["accuracy"] is None else f"{w['accuracy']:.1%}",
        )
        for w in result["windows"]
    ]
    print_table(("samples", "loss", "right"), rows)


def _show(result: Mapping[str, Any]) -> None:
    click.echo(f"{result['samples']} inferences on {result['runner']}")
    for path in result["outputs"]:
        click.echo(f"wrote {path}")
