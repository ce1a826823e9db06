"""Products of activations by the kernels of every instruction set equal numpy's in every byte.

All shapes of a rounding are one model, so that a target is built twice only.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import edge
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.workflow.export import export

pytestmark = pytest.mark.slow

# (leading axes, rows, depth, columns, transposed, zero points of a, b and the output, scale)
PRODUCTS = [
    ((1,), 1, 1, 1, False, (0, 0, 0), 0.3),
    ((1,), 4, 8, 2, False, (-128, 127, 5), 1e-2),
    ((1, 3), 5, 7, 9, False, (3, -7, -128), 2e-3),
    ((1, 3), 5, 7, 9, True, (127, -128, 127), 2e-3),
    ((1, 2), 6, 16, 17, True, (0, -3, 11), 1e-3),
    ((1, 2), 3, 33, 8, False, (1, 2, -4), 0.24),
    ((1, 2), 9, 70, 24, False, (-5, 60, 0), 4e-4),
    ((1,), 2, 40, 130, True, (9, -9, 0), 0.7),
    ((1,), 5, 300, 40, False, (20, -31, 7), 3e-4),
    ((1,), 3, 5, 3, True, (20, -31, 7), 1.6),
]


def graph_of(rounding: Rounding) -> Graph:
    """One node a product; their scales go from the smallest to more than 1."""
    values: dict[str, Value] = {}
    nodes: list[Node] = []
    for i, (leading, m, k, n, transposed, zeros, scale) in enumerate(PRODUCTS):
        shapes = {
            f"a{i}": ((*leading, m, k), (0.5, zeros[0])),
            f"b{i}": ((*leading, n, k) if transposed else (*leading, k, n), (0.25, zeros[1])),
            f"y{i}": ((*leading, m, n), (0.125 / scale, zeros[2])),
        }
        for name, (shape, q) in shapes.items():
            kind = TensorType(shape, DType.INT8, Quantization.per_tensor(*q))
            values[name] = Value(name, kind)
        attrs = {"transpose_b": transposed}
        nodes.append(Node(f"product{i}", "matmul", (f"a{i}", f"b{i}"), (f"y{i}",), attrs))
    inputs = tuple(name for node in nodes for name in node.inputs)
    outputs = tuple(node.output for node in nodes)
    return check(Graph("products", inputs, outputs, tuple(nodes), values, rounding))


needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
needs_qemu_user = pytest.mark.skipif(
    not shutil.which("qemu-aarch64"), reason="needs apt-get install qemu-user"
)


@pytest.mark.parametrize("rounding", [Rounding.SINGLE, Rounding.TFLITE])
@pytest.mark.parametrize(
    ("target", "runner", "kernel"),
    [
        pytest.param("cortex-m0plus", "qemu", "ref/matmul_s8", marks=needs_qemu),
        pytest.param("cortex-m4", "qemu", "dsp/matmul_s8", marks=needs_qemu),
        pytest.param("cortex-m55", "qemu", "dsp/matmul_s8", marks=needs_qemu),
        pytest.param("aarch64", "qemu-user", "neon/matmul_s8", marks=needs_qemu_user),
        pytest.param("armv7a", "qemu-user", "neon/matmul_s8", marks=needs_qemu_user),
        pytest.param("wasm32", "wasmtime", "simd128/matmul_s8"),
    ],
)
def test_products(
    rounding: Rounding, target: str, runner: str, kernel: str, tmp_path: Path
) -> None:
    exported = export(graph_of(rounding), target, tmp_path / "products", name="products")
    assert kernel in {layer["kernel"] for layer in exported.layers}
    verification = edge.verify(exported.out, on=runner)
    assert verification.mismatches == 0
