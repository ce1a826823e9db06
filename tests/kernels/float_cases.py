"""Float operators with random constants, for the tests of the float32 kernels on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Rounding, Value
from edge.ir.graph import Attr

from .cases import activation, constant, one_node

Floats = npt.NDArray[np.float32]
Random = np.random.Generator

KINDS = ("normal", "wide", "zeros")


def floats(rng: Random, shape: Sequence[int], kind: str = "normal") -> Floats:
    """normal: around 1; wide: every order of magnitude, subnormals too; zeros: half are 0 or -0."""
    x = rng.standard_normal(shape).astype(np.float32)
    if kind == "wide":
        x = np.ldexp(x, rng.integers(-148, 40, shape)).astype(np.float32)
    if kind == "zeros":
        x = np.where(rng.random(shape) < 0.5, np.copysign(np.float32(0), x), x)
    return x


def float_node(op: str, inputs: Sequence[Value], attrs: Mapping[str, Attr]) -> Graph:
    """The graph of one float operator, x (or a and b) -> out."""
    return one_node(op, inputs, attrs, Rounding.FLOAT, None, DType.FLOAT32)


def weighted(
    op: str,
    x: tuple[int, ...],
    weight: Floats,
    rng: Random,
    attrs: Mapping[str, Attr] | None = None,
    kind: str = "normal",
) -> Graph:
    """conv2d, depthwise_conv2d, conv_transpose2d or linear with these weights and a random bias."""
    channels = weight.shape[3] if op == "depthwise_conv2d" else weight.shape[0]
    values = [
        activation("x", x, None),
        constant("w", weight),
        constant("b", floats(rng, (channels,), kind)),
    ]
    return float_node(op, values, attrs or {})


def pair(op: str, a: tuple[int, ...], b: tuple[int, ...], attrs: Mapping[str, Attr]) -> Graph:
    """add, sub or mul of two activations."""
    return float_node(op, [activation("a", a, None), activation("b", b, None)], attrs)


def single(op: str, x: tuple[int, ...], attrs: Mapping[str, Attr]) -> Graph:
    """An operator with one activation and no constants."""
    return float_node(op, [activation("x", x, None)], attrs)


GATES = {"gru": 3, "lstm": 4}


def recurrent(
    op: str, sizes: tuple[int, int, int], rng: Random, *, initial: bool, kind: str = "normal"
) -> Graph:
    """gru or lstm of (steps, features, units), with values before the first step if `initial`."""
    steps, features, units = sizes
    rows = GATES[op] * units
    shapes = {"wi": (rows, features), "wh": (rows, units), "bi": (rows,), "bh": (rows,)}
    given = (("h", "c") if op == "lstm" else ("h",)) if initial else ()
    values = [
        activation("x", (1, steps, features), None),
        *(constant(name, floats(rng, shape, kind)) for name, shape in shapes.items()),
        *(activation(name, (1, 1, units), None) for name in given),
    ]
    return float_node(op, values, {})
