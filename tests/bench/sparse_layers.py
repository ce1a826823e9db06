"""Instructions of the sparse kernels on single layers, beside the dense kernels and CMSIS-NN.

    python tests/bench/sparse_layers.py --target cortex-m7|cortex-m4|cortex-m55|aarch64|aarch64-i8mm
        [--json] [--masks random|trained] [--sparsity 0.3 0.5 ...] [--rounding single|tflite]

Every layer runs once in QEMU, dense and at each sparsity, is checked against the numpy reference
and counted exactly, row calls and all. CMSIS-NN's counts are those of its commit 99f736a, best of
gcc and clang at -O2, -O3 and -Ofast, under the same emulator.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.ir import Graph, Rounding
from edge.sparsity.block_rows import nonzero_blocks
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Block

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.emulators.dsp_firmware import Case, run_cases
from tests.emulators.dsp_graphs import Int8s, Spec, random_input, random_weights, weighted

SPARSITIES = (0.3, 0.5, 0.7)


@dataclass(frozen=True)
class Layer:
    """A layer: out channels, kernel and in channels of its weight; the sides of its input.

    pattern and kernel: of the target's sparse form; dense: its dense kernel; cmsis_nn: its
    instructions.
    """

    name: str
    weight: tuple[int, int, int, int]
    size: tuple[int, int]
    pattern: str
    kernel: str
    dense: str
    cmsis_nn: int | None = None

    @property
    def stored(self) -> tuple[int, int]:
        """The block that is stored or left out as a whole."""
        pattern = parse_pattern(self.pattern)
        return (pattern.out, pattern.into) if isinstance(pattern, Block) else (1, 1)

    def reached(self, sparsities: Sequence[float]) -> Sequence[float]:
        """Those, or the one that the pattern has itself."""
        pattern = parse_pattern(self.pattern)
        return (1 - pattern.n / pattern.m,) if isinstance(pattern, NM) else sparsities

    def graph(self, weight: Int8s, spec: Spec, rng: np.random.Generator) -> Graph:
        if self.name.startswith("linear"):
            shared = replace(spec, per_channel=False)
            return weighted("linear", (1, self.weight[3]), weight[:, 0, 0], shared, rng)
        pad = (self.weight[1] - 1) // 2
        return weighted(
            "conv2d", (1, *self.size, self.weight[3]), weight, spec, rng, {"padding": (pad,) * 4}
        )


Masks = Callable[[Layer, float], Int8s | None]


def pointwise(
    channels: int, side: int, forms: tuple[str, str, str], cmsis_nn: int | None = None
) -> Layer:
    name = f"pointwise {channels}->{channels} @{side}x{side}"
    return Layer(name, (channels, 1, 1, channels), (side, side), *forms, cmsis_nn)


def convolution(channels: int, side: int, forms: tuple[str, str, str]) -> Layer:
    name = f"conv 3x3 {channels}->{channels} @{side}x{side}"
    return Layer(name, (channels, 3, 3, channels), (side, side), *forms)


def linear(
    in_c: int, out_c: int, forms: tuple[str, str, str], cmsis_nn: int | None = None
) -> Layer:
    return Layer(f"linear {in_c}->{out_c}", (out_c, 1, 1, in_c), (1, 1), *forms, cmsis_nn)


_DSP = ("1x4", "dsp/pointwise_conv2d_sparse_s8", "dsp/pointwise_conv2d_s8")
_DSP_CONV = ("1x4", "dsp/conv2d_sparse_s8", "dsp/conv2d_s8")
_DSP_PAIRS = ("dsp/linear_pairs_s8", "dsp/linear_s8")
_DSP_ROW_PAIRS = ("dsp/pointwise_conv2d_pairs_s8", "dsp/pointwise_conv2d_s8")
_DSP_SINGLE = ("dsp/pointwise_conv2d_scattered_s8", "dsp/pointwise_conv2d_s8")
_LANGUAGE = ((64, 64), (64, 172), (172, 64))  # of a language model of 260,000 parameters

_CORTEX_M7 = (
    pointwise(64, 12, _DSP, 1_206_001),
    pointwise(128, 6, _DSP, 1_059_761),
    pointwise(256, 3, _DSP, 1_147_081),
    convolution(64, 8, _DSP_CONV),
    convolution(32, 16, _DSP_CONV),
    linear(256, 128, ("4x4", "dsp/linear_sparse_s8", "dsp/linear_s8"), 67_960),
    *(linear(256, 128, (p, *_DSP_PAIRS), 67_960) for p in ("2:4x4", "1:4x4", "4x1")),
    *(linear(*size, (p, *_DSP_PAIRS)) for size in _LANGUAGE for p in ("2:4x4", "1:4x4")),
    pointwise(64, 12, ("2:4", *_DSP_ROW_PAIRS), 1_206_001),
    pointwise(128, 6, ("2:4", *_DSP_ROW_PAIRS), 1_059_761),
    pointwise(256, 3, ("2:4", *_DSP_ROW_PAIRS), 1_147_081),
    pointwise(64, 12, ("unstructured", *_DSP_SINGLE), 1_206_001),
    pointwise(128, 6, ("unstructured", *_DSP_SINGLE), 1_059_761),
    pointwise(256, 3, ("unstructured", *_DSP_SINGLE), 1_147_081),
)
_MVE = ("2x16", "mve/pointwise_conv2d_sparse_s8", "mve/pointwise_conv2d_s8")
_MVE_CONV = ("2x16", "mve/conv2d_sparse_s8", "mve/conv2d_s8")
_MVE_WORDS = ("2x4", "mve/pointwise_conv2d_sparse_words_s8", "mve/pointwise_conv2d_s8")
_MVE_WORDS_CONV = ("2x4", "mve/conv2d_sparse_words_s8", "mve/conv2d_s8")

_CORTEX_M55 = (
    pointwise(64, 12, _MVE, 232_125),
    pointwise(128, 6, _MVE, 166_469),
    pointwise(256, 3, _MVE, 146_344),
    convolution(64, 8, _MVE_CONV),
    linear(256, 128, ("4x4", "mve/linear_sparse_s8", "mve/linear_s8"), 6_750),
    pointwise(64, 12, _MVE_WORDS, 232_125),
    pointwise(128, 6, _MVE_WORDS, 166_469),
    pointwise(256, 3, _MVE_WORDS, 146_344),
    convolution(64, 8, _MVE_WORDS_CONV),
)
_DOT = ("4x4", "neondot/linear_sparse_s8", "neondot/linear_s8")
_DOT_CONV = ("4x4", "neondot/conv2d_sparse_s8", "neondot/conv2d_s8")

_AARCH64 = (
    pointwise(128, 32, _DOT),
    pointwise(256, 14, _DOT),
    pointwise(512, 7, _DOT),
    convolution(64, 16, _DOT_CONV),
)
_MATRIX = ("4x8", "neoni8mm/linear_sparse_s8", "neoni8mm/linear_s8")
_MATRIX_CONV = ("4x8", "neoni8mm/conv2d_sparse_s8", "neoni8mm/conv2d_s8")

_AARCH64_I8MM = (
    pointwise(128, 32, _MATRIX),
    pointwise(256, 14, _MATRIX),
    pointwise(512, 7, _MATRIX),
    convolution(64, 16, _MATRIX_CONV),
)
LAYERS: dict[str, tuple[Layer, ...]] = {
    "cortex-m7": _CORTEX_M7,
    "cortex-m4": _CORTEX_M7,
    "cortex-m55": _CORTEX_M55,
    "aarch64": _AARCH64,
    "aarch64-i8mm": _AARCH64_I8MM,
}
_BUILT_FOR = {"aarch64": "aarch64-dotprod"}


def random_masks(layer: Layer, sparsity: float) -> Int8s:
    """Random weights without those that the pattern leaves out by their magnitude."""
    weight = random_weights(layer.weight, np.random.default_rng(0))
    rows = weight.reshape(len(weight), -1, weight.shape[-1])
    kept = parse_pattern(layer.pattern).mask(np.abs(rows).astype(np.float32), sparsity)
    return np.where(kept, rows, np.int8(0)).reshape(weight.shape)


def trained_masks(layer: Layer, sparsity: float) -> Int8s | None:
    """The int8 weights of such a layer of the study's network, None if it has none.

    The network is trained if it is not in the study's folder yet: sparse_training.py.
    """
    from tests.bench.sparse_training import Run, trained

    out_c, kernel_h, kernel_w, in_c = layer.weight
    if (kernel_h, kernel_w) != (1, 1) or layer.name.startswith("linear"):
        return None
    network = trained(Run(layer.pattern, sparsity, seed=0, uniform=True))
    found = [w for w in network.parameters() if w.shape == (out_c, in_c, 1, 1)]
    if not found:
        return None
    weight = found[-1].detach().numpy()[:, :, 0, 0]
    scale = np.abs(weight).max(axis=1, keepdims=True) / 127
    quantized = np.divide(weight, scale, out=np.zeros_like(weight), where=scale > 0).round()
    return quantized.astype(np.int8).reshape(layer.weight)


MASKS = {"random": random_masks, "trained": trained_masks}


def cases(
    layers: Sequence[Layer], sparsities: Sequence[float], spec: Spec, masks: Masks
) -> Iterator[tuple[Layer, float, Case]]:
    """Each layer by its dense kernel (sparsity 0), then by its sparse one at each sparsity."""
    rng = np.random.default_rng(0)
    for layer in layers:
        weights = {sparsity: masks(layer, sparsity) for sparsity in layer.reached(sparsities)}
        graphs = {s: layer.graph(w, spec, rng) for s, w in weights.items() if w is not None}
        for index, (sparsity, graph) in enumerate(graphs.items()):
            inputs = (random_input(graph, rng),)
            if index == 0:
                yield layer, 0.0, Case(layer.name, graph, layer.dense, inputs)
            yield layer, sparsity, Case(f"{layer.name} {sparsity}", graph, layer.kernel, inputs)


def measure(
    target: str, toolchain: str, sparsities: Sequence[float], spec: Spec, masks: Masks
) -> list[dict[str, object]]:
    """One row a layer and sparsity."""
    found = list(cases(LAYERS[target], sparsities, spec, masks))
    with tempfile.TemporaryDirectory() as folder:
        all_cases = [case for _, _, case in found]
        outcome = run_cases(
            all_cases, _BUILT_FOR.get(target, target), toolchain, Path(folder), count=True
        )
    if outcome.failed:
        raise SystemExit(f"wrong: {', '.join(outcome.failed)}")
    rows, dense = [], 0
    for (layer, sparsity, case), count in zip(found, outcome.instructions, strict=True):
        if sparsity == 0.0:
            dense = count
        else:
            rows.append(_row(layer, sparsity, case, count, dense))
    return rows


def _row(layer: Layer, sparsity: float, case: Case, count: int, dense: int) -> dict[str, object]:
    node = case.graph.nodes[0]
    row: dict[str, object] = {
        "layer": layer.name,
        "pattern": layer.pattern,
        "sparsity": sparsity,
        "instructions": count,
        "dense_instructions": dense,
        "x_dense": round(dense / count, 3),
        "predicted": case.chosen.cost(case.graph, node),
        "stored": _share(case, layer.stored),
        "kernel": layer.kernel,
    }
    if layer.cmsis_nn is not None:
        row |= {"cmsis_nn": layer.cmsis_nn, "x_cmsis_nn": round(layer.cmsis_nn / count, 3)}
    return row


def _share(case: Case, block: tuple[int, int]) -> float:
    """The blocks that are not zero, of all."""
    weight = case.graph.constant("w").astype(np.int8)
    rows = weight.reshape(len(weight), -1)
    return round(nonzero_blocks(rows, block) * block[0] * block[1] / rows.size, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="cortex-m7", choices=sorted(LAYERS))
    parser.add_argument("--toolchain", default="gcc", choices=["gcc", "zig"])
    parser.add_argument("--rounding", default="single", choices=["single", "tflite"])
    parser.add_argument("--sparsity", type=float, nargs="+", default=SPARSITIES)
    parser.add_argument("--masks", default="random", choices=sorted(MASKS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    spec = Spec(rounding=Rounding(arguments.rounding))
    masks = MASKS[arguments.masks]
    rows = measure(arguments.target, arguments.toolchain, arguments.sparsity, spec, masks)
    if arguments.json:
        print(
            json.dumps(
                {"target": arguments.target, "masks": arguments.masks, "rows": rows}, indent=2
            )
        )
        return
    for row in rows:
        against = f"{row['x_cmsis_nn']}x CMSIS-NN" if "x_cmsis_nn" in row else ""
        print(
            f"{row['layer']:28} {row['pattern']:>12} {row['sparsity']:>5}"
            f" {row['instructions']:>10,} predicted {row['predicted']:>10,}"
            f" {row['x_dense']:>6}x dense {against}"
        )


if __name__ == "__main__":
    main()
