"""Graphs of one int8 operator with random constants, for the kernel tests and benches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes

Int8s = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Spec:
    """How constants are drawn. Outputs spread over about `spread` times the int8 range."""

    rounding: Rounding = Rounding.TFLITE
    per_channel: bool = True
    activation: str = "none"
    spread: float = 1.0
    bias: int = 1000
    zero_point: int = -3
    out_zero_point: int = 5


def tensor(shape: tuple[int, ...], scale: float, zero_point: int) -> TensorType:
    return TensorType(shape, DType.INT8, Quantization.per_tensor(scale, zero_point))


def one_node(
    op: str,
    inputs: tuple[TensorType, ...],
    constants: tuple[Value, ...],
    out: tuple[float, int],
    attrs: Mapping[str, Attr],
    rounding: Rounding,
) -> Graph:
    """x0, x1, ... and the constants go in, y comes out with the scale and zero point `out`."""
    names = tuple(f"x{i}" for i in range(len(inputs)))
    values = {n: Value(n, t) for n, t in zip(names, inputs, strict=True)}
    values |= {value.name: value for value in constants}
    node = Node("n", op, (*names, *(value.name for value in constants)), ("y",), dict(attrs))
    draft = Graph("g", names, ("y",), (node,), values, rounding)
    (shape,) = infer_shapes(draft, node)
    values["y"] = Value("y", tensor(shape, *out))
    return replace(draft, values=values)


def weighted(
    op: str,
    x: tuple[int, ...],
    weight: Int8s,
    spec: Spec,
    rng: np.random.Generator,
    attrs: Mapping[str, Attr] | None = None,
    bias: npt.NDArray[np.int32] | None = None,
) -> Graph:
    """conv2d, depthwise_conv2d or linear with these weights."""
    axis = {"conv2d": 0, "depthwise_conv2d": 3, "linear": 0}[op]
    channels = weight.shape[axis]
    taps = weight.size // channels
    scales = rng.uniform(0.5, 1.0, channels if spec.per_channel else 1) * 0.01
    quantization = Quantization(
        tuple(scales), (0,) * len(scales), axis if spec.per_channel else None
    )
    if bias is None:
        bias = rng.integers(-spec.bias, spec.bias + 1, channels).astype(np.int32)
    out_scale = 0.02 * 0.0075 * 45 * 73 * np.sqrt(taps) * 3 / 128 / spec.spread
    constants = (
        Value("w", TensorType(weight.shape, DType.INT8, quantization), weight),
        Value("b", TensorType((channels,), DType.INT32), bias),
    )
    return one_node(
        op,
        (tensor(x, 0.02, spec.zero_point),),
        constants,
        (float(out_scale), spec.out_zero_point),
        {**(attrs or {}), "activation": spec.activation},
        spec.rounding,
    )


def random_weights(shape: tuple[int, ...], rng: np.random.Generator) -> Int8s:
    return np.clip(rng.normal(0, 45, shape).round(), -127, 127).astype(np.int8)


def random_input(graph: Graph, rng: np.random.Generator, index: int = 0) -> Int8s:
    return rng.integers(-128, 128, graph.type(graph.inputs[index]).shape).astype(np.int8)
