"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


model = click.argument("model", metavar="MODEL")
project = click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
json_flag = click.option("--json", "json_", is_flag=True, help="Print one JSON object on stdout.")
target = click.option("-t", "--target", required=True, help="See `edge targets`.")
runner = click.option(
    "--on", "on", help="A runner: host, qemu, wasmtime, node, browser; the target's own by default."
)
toolchain = click.option("--toolchain", help="zig (default), gcc or emscripten.")
calibration = click.option(
    "--calibration", type=click.Path(path_type=Path), metavar="FILE",
    help="Real inputs for quantizing a float model: .npz or .npy, one sample a row.",
)  # fmt: skip
observer = click.option(
    "--observer", type=click.Choice(["minmax", "moving_average", "percentile", "mse"]),
    default="minmax", show_default=True, help="How activation ranges are read off the samples.",
)  # fmt: skip
rounding = click.option(
    "--rounding", type=click.Choice(["tflite", "tflm", "single"]),
    help="Requantization arithmetic; tflite for .tflite files and single for torch by default.",
)  # fmt: skip
precision = click.option(
    "--precision", type=click.Choice(["int8", "fp32", "fp32-fused"]), default="int8",
    show_default=True,
    help="fp32 computes a float model in float32 and needs no calibration; fp32-fused rounds once "
    "a multiply-add.",
)  # fmt: skip
activation_bits = click.option(
    "--activation-bits", type=click.Choice(["8", "7"]), default="8", show_default=True,
    callback=lambda context, parameter, value: int(value),
    help="7: what convolutions and linear layers read holds 0..127, for wasm32-relaxed.",
)  # fmt: skip
prune = click.option(
    "--prune", metavar="PATTERN:SPARSITY",
    help="Remove weights of every layer that the pattern fits, least first: 1x4:0.5, 2:4:0.5.",
)  # fmt: skip
sram = click.option(
    "--sram",
    metavar="SIZE",
    help="RAM budget instead of the target's: 256K; min: as little as can be.",
)
input_form = click.option(
    "--input", type=click.Choice(["arena", "rows"]), default="arena", show_default=True,
    help="Where the input is: whole in the arena, or given row by row (camera line by line).",
)  # fmt: skip
flash = click.option("--flash", metavar="SIZE", help="Flash budget instead of the target's: 1M.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")


def all_of(*options: Decorator) -> Decorator:
    """Several options as one decorator, in the order given."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return apply


window = click.option(
    "--window", type=int, metavar="POSITIONS",
    help="Of a language model: the last positions that attention sees; 128 by default.",
)  # fmt: skip
context = click.option(
    "--context", type=int, metavar="POSITIONS",
    help="Of a language model: positions of a text; the model's own by default.",
)  # fmt: skip
tokenizer = click.option(
    "--tokenizer", type=click.Path(path_type=Path), metavar="FILE",
    help="Of a language model: tokenizer.bin or tokenizer.json; the one beside it by default.",
)  # fmt: skip

compile_options = all_of(
    target,
    calibration,
    observer,
    rounding,
    precision,
    activation_bits,
    prune,
    sram,
    flash,
    input_form,
    window,
    context,
    tokenizer,
)
