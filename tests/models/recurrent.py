"""int8 graphs of one recurrent layer, with random weights of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.ir.types import Array
from edge.quantization.sharing import CELLS, SIGNED_UNIT


@dataclass(frozen=True)
class Sizes:
    """Of a sequence, and of the layer that reads it."""

    steps: int
    features: int
    units: int


def gru(
    rng: np.random.Generator,
    sizes: Sizes,
    *,
    gain: float = 1.0,
    initial: bool = True,
    zero_point: int = -7,
    rounding: Rounding = Rounding.SINGLE,
) -> Graph:
    """x, and the hidden values before the first step if `initial`, to y.

    Gate inputs reach about `gain`; from 8 on they saturate.
    """
    values = _values(rng, sizes, 3, gain, zero_point)
    made = (1, sizes.steps, sizes.units)
    values["y"] = Value("y", TensorType(made, DType.INT8, SIGNED_UNIT))
    given = ("h",) if initial else ()
    return _graph("gru", given, values, rounding)


def lstm(
    rng: np.random.Generator,
    sizes: Sizes,
    *,
    gain: float = 1.0,
    initial: bool = True,
    zero_point: int = -7,
    rounding: Rounding = Rounding.SINGLE,
) -> Graph:
    """Like `gru`, with cell values c; y holds 16 times the hidden values and the cell values."""
    values = _values(rng, sizes, 4, gain, zero_point)
    values["c"] = Value("c", TensorType((1, 1, sizes.units), DType.INT16, CELLS))
    made = (1, sizes.steps, 2 * sizes.units)
    values["y"] = Value("y", TensorType(made, DType.INT16, CELLS))
    given = ("h", "c") if initial else ()
    return _graph("lstm", given, values, rounding)


def _graph(op: str, given: tuple[str, ...], values: dict[str, Value], rounding: Rounding) -> Graph:
    constants = ("input_weight", "hidden_weight", "input_bias", "hidden_bias")
    node = Node(op, op, ("x", *constants, *given), ("y",))
    graph = Graph("recurrent", ("x", *given), ("y",), (), values, rounding)
    return check(graph.with_nodes([node]))


def _values(
    rng: np.random.Generator, sizes: Sizes, gates: int, gain: float, zero_point: int
) -> dict[str, Value]:
    """x, the hidden values h, weights and biases."""
    in_scale, units = 1 / 64, sizes.units
    x = Quantization.per_tensor(in_scale, zero_point)
    values = {
        "x": Value("x", TensorType((1, sizes.steps, sizes.features), DType.INT8, x)),
        "h": Value("h", TensorType((1, 1, units), DType.INT8, SIGNED_UNIT)),
    }
    for what, size, scale in (("input", sizes.features, in_scale), ("hidden", units, 1 / 128)):
        weight, bias = _projection(rng, what, gates * units, size, scale, gain)
        values |= {weight.name: weight, bias.name: bias}
    return values


def samples(rng: np.random.Generator, graph: Graph, count: int = 1) -> list[Array]:
    """[count, ...] for each input, over the whole range of its type."""
    types = [graph.type(name) for name in graph.inputs]
    ranges = [(np.iinfo(t.dtype.value), (count, *t.shape[1:])) for t in types]
    return [rng.integers(r.min, r.max + 1, shape).astype(r.dtype) for r, shape in ranges]


def _projection(
    rng: np.random.Generator, what: str, rows: int, size: int, in_scale: float, gain: float
) -> tuple[Value, Value]:
    weight = rng.integers(-127, 128, (rows, size)).astype(np.int8)
    reach = in_scale * 64 * 127 * np.sqrt(size)
    scales = gain / reach * rng.uniform(0.5, 2.0, rows)
    bias = rng.normal(0.0, 0.3 * gain, rows) / (in_scale * scales)
    per_row = Quantization(tuple(scales.tolist()), (0,) * rows, 0)
    of_sums = Quantization(tuple((in_scale * scales).tolist()), (0,) * rows, 0)
    return (
        Value(f"{what}_weight", TensorType(weight.shape, DType.INT8, per_row), weight),
        Value(f"{what}_bias", TensorType((rows,), DType.INT32, of_sums), bias.astype(np.int32)),
    )
