"""A grid of int8 layers on which kernels are counted: sizes and strides that networks have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from edge.ir import DType, Graph, Rounding, TensorType, Value
from edge.ir.graph import Attr
from tests.emulators.dsp_graphs import Int8s, Spec, one_node, random_weights, tensor, weighted
from tests.emulators.sparse_cases import masked

Random = np.random.Generator
Grid = Iterator[tuple[str, Graph]]

ROUNDINGS = (Rounding.SINGLE, Rounding.TFLITE)


@dataclass(frozen=True)
class _Sizes:
    """convolutions: height, width, input channels, output channels, kernel, stride; pointwise: the
    first four; linear: vectors, inputs, outputs."""

    convolutions: tuple[tuple[int, int, int, int, int, int], ...]
    pointwise: tuple[tuple[int, int, int, int], ...]
    linear: tuple[tuple[int, int, int], ...]


_CONVOLUTIONS = (
    (8, 8, 3, 8, 3, 1), (12, 12, 3, 16, 3, 2), (9, 11, 3, 5, 3, 1), (8, 8, 8, 16, 3, 1),
    (6, 7, 16, 16, 3, 1), (5, 5, 32, 32, 3, 1), (8, 8, 16, 32, 3, 2), (4, 4, 64, 24, 3, 1),
    (5, 6, 24, 7, 3, 1), (10, 10, 1, 8, 5, 2), (7, 9, 4, 10, 5, 1), (8, 8, 16, 16, 1, 2),
    (6, 6, 32, 48, 1, 2), (3, 20, 8, 8, 3, 1), (16, 16, 4, 4, 3, 1),
)  # fmt: skip
_POINTWISE = (
    (4, 4, 8, 16), (6, 6, 16, 32), (5, 5, 32, 64), (3, 3, 64, 64), (7, 7, 24, 10), (2, 3, 128, 32),
    (1, 1, 64, 64), (3, 5, 3, 8), (4, 4, 100, 20), (8, 8, 4, 4), (12, 12, 16, 8), (1, 7, 40, 120),
    (12, 12, 32, 16), (10, 10, 16, 64), (6, 6, 64, 64), (1, 17, 24, 28), (4, 48, 8, 16),
    (6, 24, 16, 32), (24, 24, 8, 8), (8, 24, 32, 32),
)  # fmt: skip
# height, width, channels, kernel, stride, filters a channel
_DEPTHWISE = (
    (6, 6, 8, 3, 1, 1), (12, 12, 8, 3, 1, 1), (7, 7, 16, 3, 1, 1), (9, 9, 32, 3, 2, 1),
    (12, 12, 16, 3, 2, 1), (3, 3, 64, 3, 1, 1), (5, 5, 20, 3, 1, 1), (5, 25, 64, 3, 1, 1),
    (24, 24, 4, 3, 1, 1), (8, 8, 16, 5, 1, 1), (9, 9, 24, 5, 2, 1), (7, 7, 40, 5, 1, 1),
    (12, 12, 8, 7, 1, 1), (10, 10, 16, 7, 2, 1), (8, 8, 3, 3, 1, 1), (8, 8, 8, 3, 1, 2),
)  # fmt: skip
_LINEAR = (
    (1, 64, 10), (1, 256, 2), (1, 640, 32), (1, 128, 128), (1, 8, 128), (1, 7, 5), (1, 16, 200),
    (1, 1280, 10), (4, 32, 48), (9, 64, 64), (2, 100, 23), (16, 48, 96), (33, 64, 64), (64, 20, 36),
)  # fmt: skip
_DENSE = _Sizes(_CONVOLUTIONS, _POINTWISE, _LINEAR)
_WITHOUT_BLOCKS = _Sizes(
    convolutions=(
        (6, 20, 16, 16, 3, 1), (5, 5, 32, 32, 3, 1), (8, 8, 16, 32, 3, 2), (4, 36, 32, 16, 3, 1),
        (9, 17, 16, 24, 3, 1), (7, 9, 16, 16, 5, 1), (6, 6, 32, 48, 1, 2), (4, 32, 64, 64, 3, 1),
    ),
    pointwise=(
        (4, 4, 16, 16), (6, 6, 16, 32), (5, 5, 32, 64), (3, 3, 64, 64), (2, 3, 128, 32),
        (1, 1, 64, 64), (12, 12, 16, 16), (1, 7, 48, 128), (10, 10, 16, 64), (16, 16, 64, 32),
        (8, 24, 32, 32), (7, 7, 128, 128),
    ),
    linear=(
        (1, 64, 16), (1, 256, 32), (1, 128, 128), (4, 32, 48), (9, 64, 64), (16, 48, 96),
        (33, 64, 64),
    ),
)  # fmt: skip
_IMAGES = ((4, 4, 8), (8, 8, 16), (6, 6, 40), (12, 12, 3), (5, 25, 16), (3, 3, 128))
# height, width, channels, kernel, stride
_POOLS = (
    (8, 8, 16, 2, 2), (6, 6, 32, 3, 2), (7, 7, 24, 3, 1), (4, 4, 64, 4, 4), (8, 8, 8, 8, 8),
    (12, 12, 4, 2, 2), (5, 5, 3, 5, 5),
)  # fmt: skip


def layers(rng: Random) -> Grid:
    """Name and graph of every layer of the grid, in both forms of scaling."""
    for make, rounding in product((_weighted, _elementwise, _reduced), ROUNDINGS):
        for name, graph in make(rng, rounding):
            yield f"{name} {rounding}", graph


def sparse_layers(rng: Random, block: tuple[int, int]) -> Grid:
    """Layers without some blocks of output channels x taps: a quarter, half, nearly all."""
    for rounding, kind in product(ROUNDINGS, ("most", "half", "few")):
        mask = partial(masked, kind=kind, block=block, rng=rng)
        for name, graph in _products(rng, rounding, _WITHOUT_BLOCKS, mask):
            yield f"{name} {kind} {rounding}", graph


def _same(kernel: int, stride: int) -> tuple[int, int, int, int]:
    before, after = (kernel - stride) // 2, (kernel - 1) // 2
    return (max(before, 0), after, max(before, 0), after)


def _window(kernel: int, stride: int) -> dict[str, Attr]:
    return {"stride": (stride, stride), "padding": _same(kernel, stride)}


def _weighted(rng: Random, rounding: Rounding) -> Grid:
    yield from _products(rng, rounding, _DENSE)
    for h, w, c, k, s, filters in _DEPTHWISE:
        weight = random_weights((1, k, k, c * filters), rng)
        spec = Spec(rounding)
        graph = weighted("depthwise_conv2d", (1, h, w, c), weight, spec, rng, _window(k, s))
        yield f"depthwise {k}x{k} s{s} {h}x{w}x{c}x{filters}", graph


def _unchanged(weights: Int8s) -> Int8s:
    return weights


def _products(
    rng: Random, rounding: Rounding, sizes: _Sizes, mask: Callable[[Int8s], Int8s] = _unchanged
) -> Grid:
    for h, w, in_c, out_c, k, s in sizes.convolutions:
        weight = mask(random_weights((out_c, k, k, in_c), rng))
        graph = weighted("conv2d", (1, h, w, in_c), weight, Spec(rounding), rng, _window(k, s))
        yield f"conv {k}x{k} s{s} {h}x{w} {in_c}->{out_c}", graph
    for h, w, in_c, out_c in sizes.pointwise:
        weight = mask(random_weights((out_c, 1, 1, in_c), rng))
        graph = weighted("conv2d", (1, h, w, in_c), weight, Spec(rounding), rng)
        yield f"pointwise {h}x{w} {in_c}->{out_c}", graph
    for n, in_c, out_c in sizes.linear:
        spec = Spec(rounding, per_channel=False)
        graph = weighted("linear", (n, in_c), mask(random_weights((out_c, in_c), rng)), spec, rng)
        yield f"linear {n}x {in_c}->{out_c}", graph


def _elementwise(rng: Random, rounding: Rounding) -> Grid:
    for h, w, c in _IMAGES:
        size, shape = f"{h}x{w}x{c}", (1, h, w, c)
        x, y = tensor(shape, 0.05, -128), tensor(shape, 0.08, 4)
        for op in ("add", "sub"):
            yield f"{op} {size}", one_node(op, (x, y), (), (0.1, -5), {}, rounding)
        for other in (shape, (1, 1, 1, c), (1, 1, 1, 1)):
            gate = tensor(other, 1 / 256, -128)
            graph = one_node("mul", (x, gate), (), (0.05, 4), {}, rounding)
            yield f"mul {size} by {'x'.join(map(str, other[1:]))}", graph
        table = Value("t", TensorType((256,), DType.INT8), random_weights((256,), rng))
        graph = one_node("lookup", (x,), (table,), (0.05, 4), {}, rounding)
        yield f"lookup {size}", graph


def _reduced(rng: Random, rounding: Rounding) -> Grid:
    for h, w, c, k, s in _POOLS:
        attrs: dict[str, Attr] = {"kernel": (k, k), "stride": (s, s)}
        x = (tensor((1, h, w, c), 0.05, -128),)
        for op in ("avg_pool2d", "max_pool2d"):
            graph = one_node(op, x, (), (0.05, -128), attrs, rounding)
            yield f"{op} {k}x{k} s{s} {h}x{w}x{c}", graph
        axes: dict[str, Attr] = {"axes": (1, 2), "keepdims": False}
        yield f"mean {h}x{w}x{c}", one_node("mean", x, (), (0.04, 3), axes, rounding)
    for shape in ((1, 10), (1, 100), (1, 16, 16)):
        graph = one_node(
            "softmax", (tensor(shape, 0.1, 5),), (), (1 / 256, -128), {}, Rounding.TFLITE
        )
        yield f"softmax {'x'.join(map(str, shape))}", graph
