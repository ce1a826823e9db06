"""Graphs of one operator of a language model with data that reaches its ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from edge.ir import DType, Graph, Quantization, Rounding, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.types import Array
from edge.quantization.decoder import FINER, rotary_tables

from .cases import constant, one_node

Drawn = tuple[Graph, tuple[Array, ...]]
Rng = np.random.Generator


def scaled(scale: float) -> Quantization:
    return Quantization.per_tensor(scale, 0)


def value(name: str, data: Array, stored: Quantization | None = None) -> Value:
    """An activation of the shape and type of its data."""
    return Value(name, TensorType(data.shape, DType(data.dtype.name), stored))


def number(n: int) -> Array:
    return np.array([n], np.int32)


def _node(
    op: str, values: list[Value], attrs: Mapping[str, Attr], made: Quantization | None,
    dtype: DType = DType.INT8,
) -> Graph:  # fmt: skip
    return one_node(op, values, attrs, Rounding.SINGLE, made, dtype)


def int8s(rng: Rng, *shape: int) -> Array:
    return rng.integers(-128, 128, shape, np.int8)


def int16s(rng: Rng, *shape: int, most: int = 2**15 - 1) -> Array:
    return rng.integers(-most - 1, most + 1, shape, np.int16)


def embeddings(rng: Rng) -> Iterator[Drawn]:
    """Tokens at both ends of the table, and what stands for the last one."""
    for tokens, width, per_row in ((12, 8, True), (4, 4, False), (20, 68, True)):
        table = int8s(rng, tokens, width)
        count = tokens if per_row else 1
        scale = tuple(map(float, rng.uniform(0.01, 0.9, count)))
        stored = Quantization(scale, (0,) * count, 0 if per_row else None)
        inputs = [value("token", number(0)), value("last", number(0))]
        graph = _node(
            "embedding", [*inputs, constant("table", table, stored)], {}, scaled(0.002),
            DType.INT16,
        )  # fmt: skip
        for token, last in ((0, 1), (tokens - 1, 0), (-1, 1), (tokens, tokens - 1), (2**31 - 1, 2)):
            yield graph, (number(token), number(last))


def residuals(rng: Rng) -> Iterator[Drawn]:
    for width in (1, 7, 64):
        a, b = int16s(rng, 1, width), int8s(rng, 1, width)
        for scale in (0.004, 0.9):
            inputs = [value("a", a, scaled(0.004)), value("b", b, scaled(scale))]
            yield _node("residual", inputs, {}, scaled(0.004), DType.INT16), (a, b)


def norms(rng: Rng) -> Iterator[Drawn]:
    """Vectors from zeros to the largest, in which one channel may hold all."""
    for width in (1, 7, 64, 172):
        weight = rng.normal(1, 0.4, width).astype(np.float32)
        single = np.zeros((1, width), np.int16)
        single[0, -1] = -(2**15)
        whole = [int16s(rng, 1, width, most=most) for most in (2**15 - 1, 900, 3)]
        for x in (*whole, single, np.zeros_like(single), np.full_like(single, 2**15 - 1)):
            for epsilon in (1e-5, 1e-12):
                inputs = [value("x", x, scaled(0.001)), constant("w", weight)]
                yield _node("rms_norm", inputs, {"epsilon": epsilon}, scaled(0.03)), (x,)


def rotations(rng: Rng) -> Iterator[Drawn]:
    """Keys and queries at the first, the last and other positions."""
    for size, heads in ((2, 1), (8, 4), (12, 3)):
        fine, coarse = rotary_tables(100, size)
        tables = [constant("fine", fine), constant("coarse", coarse)]
        for position in (0, 31, 32, 99):
            x = int8s(rng, 1, size * heads)
            inputs = [value("x", x, scaled(0.1)), value("position", number(0)), *tables]
            for dtype, scale in ((DType.INT8, 0.1), (DType.INT16, 0.1 / FINER)):
                yield _node("rotary", inputs, {}, scaled(scale), dtype), (x, number(position))


def appends(rng: Rng) -> Iterator[Drawn]:
    for pairs in (False, True):
        for position in (0, 5, 6, 11):
            ring, x = int8s(rng, 1, 6, 4), int8s(rng, 1, 4)
            inputs = [
                value("ring", ring, scaled(0.1)), value("x", x, scaled(0.1)),
                value("position", number(0)),
            ]  # fmt: skip
            yield (
                _node("append", inputs, {"pairs": pairs}, scaled(0.1)),
                (ring, x, number(position)),
            )


def attentions(rng: Rng) -> Iterator[Drawn]:
    """One head a group or several; rings that are filled by one row, in part or whole."""
    for heads, groups, size, window in ((1, 1, 4, 2), (4, 2, 8, 10), (6, 2, 12, 16), (3, 3, 8, 6)):
        keys, values = (int8s(rng, 1, window, groups * size) for _ in range(2))
        for position in (0, 1, window - 2, window - 1, 5 * window):
            for scale in (0.0001, 0.02):
                q = int16s(rng, 1, heads * size, most=23000)
                yield attention(q, keys, values, position, scale, heads, groups)
    ends = np.full((1, 4, 8), -128, np.int8)
    q = np.full((1, 8), 23170, np.int16)
    yield attention(q, ends, ends, 3, 0.001, 1, 1)
    yield attention(-q, ends, ends, 2, 0.001, 1, 1)


def attention(
    q: Array,
    keys: Array,
    values: Array,
    position: int,
    scale: float,
    heads: int,
    groups: int,
    made: float = 0.02,
) -> Drawn:
    """Queries, keys and values at a position; `scale` is that of int8 queries."""
    inputs = [
        value("q", q, scaled(scale / FINER)), value("keys", keys, scaled(0.05)),
        value("values", values, scaled(0.03)), value("position", number(0)),
    ]  # fmt: skip
    attrs: dict[str, Attr] = {"heads": heads, "groups": groups}
    data = (q, keys, values, number(position))
    return _node("ring_attention", inputs, attrs, scaled(made)), data


def choices(rng: Rng) -> Iterator[Drawn]:
    """The largest first, last, and in two places."""
    for width in (1, 5, 32):
        x = int8s(rng, 1, width)
        x[0, [0, -1]] = 127
        for data in (x, np.full_like(x, -128), np.roll(x, 1)):
            graph = _node("argmax", [value("x", data, scaled(0.1))], {}, None, DType.INT32)
            yield graph, (data,)


def positions() -> Iterator[Drawn]:
    graph = _node("advance", [value("position", number(0))], {"limit": 9}, None, DType.INT32)
    yield from ((graph, (number(n),)) for n in (0, 7, 8))
