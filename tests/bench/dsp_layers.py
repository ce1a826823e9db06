"""Instructions of the Armv7E-M kernels on the layers of the MLPerf Tiny networks, and on some of
mobile networks that those do not have.

    python -m tests.bench.dsp_layers [--json] [--rounding tflite|single] [--toolchain gcc|zig]
                                     [--target cortex-m7]

Each layer runs once in QEMU with random weights and inputs, is checked against the numpy reference
and counted exactly, row calls and all. The sums over the layers of a network leave out softmax.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.ir import DType, Graph, Rounding, TensorType, Value, macs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.emulators.dsp_firmware import Case, run_cases
from tests.emulators.dsp_graphs import (
    Spec,
    one_node,
    random_input,
    random_weights,
    tensor,
    weighted,
)

Make = Callable[[Spec, np.random.Generator], Graph]


@dataclass(frozen=True)
class Layer:
    """A layer, the kernel that runs it and how often each network has it."""

    name: str
    kernel: str
    make: Make
    vww: int = 0
    kws: int = 0
    resnet: int = 0
    ad: int = 0


def pointwise(size: tuple[int, int], in_c: int, out_c: int, **counts: int) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        weight = random_weights((out_c, 1, 1, in_c), rng)
        return weighted("conv2d", (1, *size, in_c), weight, spec, rng)

    name = f"pointwise {size[0]}x{size[1]} {in_c}->{out_c}"
    return Layer(name, "dsp/pointwise_conv2d_s8", make, **counts)


def convolution(
    size: tuple[int, int],
    channels: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    padding: tuple[int, int, int, int],
    **counts: int,
) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        weight = random_weights((channels[1], *kernel, channels[0]), rng)
        attrs = {"stride": (stride, stride), "padding": padding}
        return weighted("conv2d", (1, *size, channels[0]), weight, spec, rng, attrs)

    name = (
        f"conv {kernel[0]}x{kernel[1]} s{stride} {size[0]}x{size[1]} {channels[0]}->{channels[1]}"
    )
    return Layer(name, "dsp/conv2d_s8", make, **counts)


def depthwise(
    size: tuple[int, int], channels: int, stride: int, padding: tuple[int, int, int, int],
    **counts: int,
) -> Layer:  # fmt: skip
    make = depthwise_maker(size, channels, 3, stride, padding)
    name = f"depthwise s{stride} {size[0]}x{size[1]}x{channels}"
    return Layer(name, "dsp/depthwise_conv2d_s8", make, **counts)


def depthwise_maker(
    size: tuple[int, int], channels: int, kernel: int, stride: int,
    padding: tuple[int, int, int, int], filters: int = 1,
) -> Make:  # fmt: skip
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        weight = random_weights((1, kernel, kernel, channels * filters), rng)
        attrs = {"stride": (stride, stride), "padding": padding}
        return weighted("depthwise_conv2d", (1, *size, channels), weight, spec, rng, attrs)

    return make


def window(
    size: tuple[int, int], channels: int, kernel: int, stride: int = 1, filters: int = 1
) -> Layer:
    """A depthwise convolution that keeps the size, or halves it with stride 2."""
    before, after = (kernel - stride) // 2, (kernel - 1) // 2
    padding = (before, after, before, after)
    make = depthwise_maker(size, channels, kernel, stride, padding, filters)
    name = f"depthwise {kernel}x{kernel} s{stride} {size[0]}x{size[1]}x{channels}"
    name += f" x{filters}" if filters > 1 else ""
    stem = "dsp/depthwise_window_s2_s8" if stride == 2 else "dsp/depthwise_window_s8"
    return Layer(name, stem, make)


def linear(in_c: int, out_c: int, **counts: int) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        shared = replace(spec, per_channel=False)
        return weighted("linear", (1, in_c), random_weights((out_c, in_c), rng), shared, rng)

    return Layer(f"linear {in_c}->{out_c}", "dsp/linear_s8", make, **counts)


def addition(size: tuple[int, int], channels: int, **counts: int) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        x = tensor((1, *size, channels), 0.05, -128), tensor((1, *size, channels), 0.08, 4)
        return one_node("add", x, (), (0.1, -5), {}, spec.rounding)

    return Layer(f"add {size[0]}x{size[1]}x{channels}", "dsp/add_s8", make, **counts)


def product(size: tuple[int, int], channels: int, other: tuple[int, ...]) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        x = tensor((1, *size, channels), 0.05, -3), tensor((1, *other), 1 / 256, -128)
        return one_node("mul", x, (), (0.05, 4), {}, spec.rounding)

    by = "x".join(str(n) for n in other)
    return Layer(f"mul {size[0]}x{size[1]}x{channels} by {by}", "dsp/mul_s8", make)


def lookup(size: tuple[int, int], channels: int) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        table = Value("t", TensorType((256,), DType.INT8), random_weights((256,), rng))
        x = (tensor((1, *size, channels), 0.05, -3),)
        return one_node("lookup", x, (table,), (0.05, 4), {}, spec.rounding)

    return Layer(f"lookup {size[0]}x{size[1]}x{channels}", "dsp/lookup_s8", make)


def average(size: tuple[int, int], channels: int, **counts: int) -> Layer:
    def make(spec: Spec, rng: np.random.Generator) -> Graph:
        x = (tensor((1, *size, channels), 0.05, -128),)
        return one_node("avg_pool2d", x, (), (0.05, -128), {"kernel": size}, spec.rounding)

    return Layer(f"average {size[0]}x{size[1]}x{channels}", "dsp/avg_pool2d_s8", make, **counts)


SAME, AFTER = (1, 1, 1, 1), (0, 1, 0, 1)
LAYERS = (
    convolution((96, 96), (3, 8), (3, 3), 2, AFTER, vww=1),
    depthwise((48, 48), 8, 1, SAME, vww=1),
    pointwise((48, 48), 8, 16, vww=1),
    depthwise((48, 48), 16, 2, AFTER, vww=1),
    pointwise((24, 24), 16, 32, vww=1),
    depthwise((24, 24), 32, 1, SAME, vww=1),
    pointwise((24, 24), 32, 32, vww=1),
    depthwise((24, 24), 32, 2, AFTER, vww=1),
    pointwise((12, 12), 32, 64, vww=1),
    depthwise((12, 12), 64, 1, SAME, vww=1),
    pointwise((12, 12), 64, 64, vww=1),
    depthwise((12, 12), 64, 2, AFTER, vww=1),
    pointwise((6, 6), 64, 128, vww=1),
    depthwise((6, 6), 128, 1, SAME, vww=5),
    pointwise((6, 6), 128, 128, vww=5),
    depthwise((6, 6), 128, 2, AFTER, vww=1),
    pointwise((3, 3), 128, 256, vww=1),
    depthwise((3, 3), 256, 1, SAME, vww=1),
    pointwise((3, 3), 256, 256, vww=1),
    average((3, 3), 256, vww=1),
    linear(256, 2, vww=1),
    convolution((49, 10), (1, 64), (10, 4), 2, (4, 5, 1, 1), kws=1),
    depthwise((25, 5), 64, 1, SAME, kws=4),
    pointwise((25, 5), 64, 64, kws=4),
    average((25, 5), 64, kws=1),
    linear(64, 12, kws=1),
    convolution((32, 32), (3, 16), (3, 3), 1, SAME, resnet=1),
    convolution((32, 32), (16, 16), (3, 3), 1, SAME, resnet=2),
    convolution((32, 32), (16, 32), (3, 3), 2, AFTER, resnet=1),
    convolution((16, 16), (32, 32), (3, 3), 1, SAME, resnet=1),
    convolution((32, 32), (16, 32), (1, 1), 2, (0, 0, 0, 0), resnet=1),
    convolution((16, 16), (32, 64), (3, 3), 2, AFTER, resnet=1),
    convolution((8, 8), (64, 64), (3, 3), 1, SAME, resnet=1),
    convolution((16, 16), (32, 64), (1, 1), 2, (0, 0, 0, 0), resnet=1),
    addition((32, 32), 16, resnet=1),
    addition((16, 16), 32, resnet=1),
    addition((8, 8), 64, resnet=1),
    average((8, 8), 64, resnet=1),
    linear(64, 10, resnet=1),
    linear(640, 128, ad=1),
    linear(128, 128, ad=6),
    linear(128, 8, ad=1),
    linear(8, 128, ad=1),
    linear(128, 640, ad=1),
    window((16, 16), 120, 5),
    window((16, 16), 120, 5, 2),
    window((7, 7), 240, 5),
    window((48, 48), 16, 5),
    window((16, 16), 120, 7),
    window((16, 16), 120, 7, 2),
    window((24, 24), 3, 3),
    window((24, 24), 8, 3, filters=2),
    product((16, 16), 40, (16, 16, 40)),
    product((16, 16), 40, (1, 1, 40)),
    product((16, 16), 40, (1, 1, 1)),
    lookup((16, 16), 40),
)

# TFLM 90b983c2 with CMSIS-NN 4ab83cc3 on a Cortex-M7; ../shared/models/mlperf-tiny/README.md
BASELINE = {"vww": 24_483_680, "kws": 7_761_146, "resnet": 29_938_579, "ad": 582_571}


def measure(rounding: str, target: str, toolchain: str) -> list[dict[str, object]]:
    """One row a layer: its name, instructions, MACs (0 for adds and pools) and output elements."""
    rng = np.random.default_rng(0)
    spec = Spec(rounding=Rounding(rounding))
    cases = []
    for layer in LAYERS:
        graph = layer.make(spec, rng)
        inputs = tuple(random_input(graph, rng, i) for i in range(len(graph.inputs)))
        cases.append(Case(layer.name, graph, layer.kernel, inputs))
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_cases(cases, target, toolchain, Path(folder), count=True)
    if outcome.failed:
        sys.exit(f"wrong: {', '.join(outcome.failed)}")
    return [_row(*pair) for pair in zip(cases, outcome.instructions, strict=True)]


def _row(case: Case, instructions: int) -> dict[str, object]:
    graph, node = case.graph, case.graph.nodes[0]
    elements = graph.type(node.output).elements
    if node.op == "avg_pool2d":
        elements = graph.type(node.inputs[0]).elements
    work = macs(graph, node)
    return {
        "layer": case.name,
        "instructions": instructions,
        "macs": work,
        "elements": elements,
        "per": round(instructions / (work or elements), 3),
    }


def sums(rows: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    """Instructions of each network and their ratio to the baseline."""
    totals: dict[str, dict[str, float]] = {}
    for model, baseline in BASELINE.items():
        total = sum(
            getattr(layer, model) * int(str(row["instructions"]))
            for layer, row in zip(LAYERS, rows, strict=True)
        )
        totals[model] = {"instructions": total, "ratio": round(total / baseline, 4)}
    return totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounding", default="tflite", choices=["tflite", "tflm", "single"])
    parser.add_argument("--toolchain", default="gcc", choices=["gcc", "zig"])
    parser.add_argument("--target", default="cortex-m7", choices=["cortex-m4", "cortex-m7"])
    arguments = parser.parse_args()
    rows = measure(arguments.rounding, arguments.target, arguments.toolchain)
    totals = sums(rows)
    if arguments.json:
        print(json.dumps({"layers": rows, "models": totals}, indent=2))
        return
    for row in rows:
        unit = "MAC" if row["macs"] else "element"
        print(f"{row['layer']:34} {row['instructions']:>10,} {row['per']:>7} per {unit}")
    for model, total in totals.items():
        print(
            f"{model:34} {int(total['instructions']):>10,} {total['ratio']:>7.3f} of the baseline"
        )


if __name__ == "__main__":
    main()
