"""Every layer of the house once, in seconds: run this file first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import edge
from edge.ir import DType, Graph, Node, TensorType, Value


def float_graph() -> Graph:
    """Convolution, relu, mean and linear on 8x8 images, as a front end would give it."""
    rng = np.random.default_rng(0)

    def constant(name: str, *shape: int) -> Value:
        data = (rng.standard_normal(shape) / 3).astype(np.float32)
        return Value(name, TensorType(shape, DType.FLOAT32), data)

    def activation(name: str, *shape: int) -> Value:
        return Value(name, TensorType(shape, DType.FLOAT32))

    nodes = (
        Node("conv", "conv2d", ("x", "w", "b"), ("c",), {"padding": (1, 1, 1, 1)}),
        Node("relu", "unary", ("c",), ("r",), {"function": "relu"}),
        Node("mean", "mean", ("r",), ("m",), {"axes": (1, 2), "keepdims": False}),
        Node("fc", "linear", ("m", "v", ""), ("y",)),
    )
    values = (
        activation("x", 1, 8, 8, 2), constant("w", 6, 3, 3, 2), constant("b", 6),
        activation("c", 1, 8, 8, 6), activation("r", 1, 8, 8, 6), activation("m", 1, 6),
        constant("v", 4, 6), activation("y", 1, 4),
    )  # fmt: skip
    return Graph("tiny", ("x",), ("y",), nodes, {value.name: value for value in values})


def test_from_a_float_graph_to_verified_c(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).standard_normal((32, 8, 8, 2)).astype(np.float32)
    int8 = edge.quantize(float_graph(), samples, progress=False)
    assert [node.op for node in int8.nodes] == ["conv2d", "mean", "linear"]

    exported = edge.export(int8, "host", tmp_path / "tiny")
    assert edge.verify(exported.out, samples=8).mismatches == 0

    (outputs,) = edge.run(exported.out, [samples], dequantized=True)
    from edge.reference import run_batch

    (expected,) = run_batch(float_graph(), [samples])
    assert np.abs(outputs - expected).max() < 0.05 * np.abs(expected).max()
