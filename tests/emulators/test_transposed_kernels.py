"""Transposed convolutions by the kernels of every instruction set equal numpy's in every byte.

All geometries of a rounding are one model, so that a target is built twice only.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.ir.ops import infer_shapes
from edge.workflow.export import export

pytestmark = pytest.mark.slow

# (height, width, channels), kernel, channels out, stride, padding, output padding
GEOMETRIES = [
    ((3, 3, 1), (1, 1), 1, (1, 1), (0, 0, 0, 0), (0, 0)),
    ((4, 5, 8), (4, 4), 6, (2, 2), (1, 1, 1, 1), (0, 0)),
    ((5, 4, 3), (3, 3), 5, (2, 2), (1, 1, 1, 1), (1, 1)),
    ((2, 6, 16), (2, 2), 4, (2, 2), (0, 0, 0, 0), (0, 0)),
    ((3, 4, 5), (2, 1), 3, (3, 2), (0, 0, 0, 0), (2, 1)),  # some outputs have no input
    ((3, 2, 7), (5, 4), 2, (1, 3), (2, 3, 1, 4), (0, 2)),
]


def graph_of(rounding: Rounding) -> Graph:
    rng = np.random.default_rng(0)
    values: dict[str, Value] = {}
    nodes: list[Node] = []
    for i, (size, kernel, out_c, stride, padding, extra) in enumerate(GEOMETRIES):
        weights = rng.integers(-127, 128, (out_c, *kernel, size[2])).astype(np.int8)
        scales = tuple(rng.uniform(0.002, 0.02, out_c).tolist())
        kind = TensorType(weights.shape, DType.INT8, Quantization(scales, (0,) * out_c, 0))
        bias = rng.integers(-9000, 9000, out_c).astype(np.int32)
        given = Quantization.per_tensor(0.05, int(rng.integers(-128, 128)))
        made = Quantization.per_tensor(0.1 * weights[0].size ** 0.5, int(rng.integers(-20, 20)))
        values[f"x{i}"] = Value(f"x{i}", TensorType((1, *size), DType.INT8, given))
        values[f"w{i}"] = Value(f"w{i}", kind, weights)
        values[f"b{i}"] = Value(f"b{i}", TensorType(bias.shape, DType.INT32), bias)
        attrs = {"stride": stride, "padding": padding, "output_padding": extra}
        node = Node(
            f"spread{i}", "conv_transpose2d", (f"x{i}", f"w{i}", f"b{i}"), (f"y{i}",), attrs
        )
        (shape,) = infer_shapes(Graph("g", (), (), (), values), node)
        values[f"y{i}"] = Value(f"y{i}", TensorType(shape, DType.INT8, made))
        nodes.append(node)
    inputs = tuple(node.inputs[0] for node in nodes)
    outputs = tuple(node.output for node in nodes)
    return check(Graph("spreads", inputs, outputs, tuple(nodes), values, rounding))


needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)


@pytest.mark.parametrize("rounding", [Rounding.SINGLE, Rounding.TFLITE])
@pytest.mark.parametrize(
    ("target", "runner", "kernel"),
    [
        pytest.param("cortex-m0plus", "qemu", "ref/conv_transpose2d_s8", marks=needs_qemu),
        pytest.param("cortex-m4", "qemu", "dsp/conv_transpose2d_s8", marks=needs_qemu),
        pytest.param("cortex-m55", "qemu", "dsp/conv_transpose2d_s8", marks=needs_qemu),
        pytest.param("wasm32", "wasmtime", "ref/conv_transpose2d_s8"),
    ],
)
def test_transposed_convolutions(
    rounding: Rounding, target: str, runner: str, kernel: str, tmp_path: Path
) -> None:
    exported = export(graph_of(rounding), target, tmp_path / "spreads", name="spreads")
    assert kernel in {layer["kernel"] for layer in exported.layers}
    assert edge.verify(exported.out, on=runner).mismatches == 0
