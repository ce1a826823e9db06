"""float32 operators bit for bit as the kernels compute them: sums in the order that edge/f32.h and
runtime/kernels/ref state, every product and every sum rounded to float32, or in fused arithmetic
every product added unrounded.

Slower than `float_kernels`, which leaves the order to BLAS; used where bits are compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.ir import Rounding
from edge.ir.types import Array
from edge.quantization.float_form import LIMITS, bias_of
from edge.reference.call import Call, Kernel
from edge.reference.float_functions import FUNCTIONS, Floats, exp, limited
from edge.reference.float_fused import add_product
from edge.reference.windows import Spread, Window

_F = np.float32
_BLOCK = 1 << 16  # sums at a time: they and their products stay in the cache


def _activated(call: Call, x: Floats) -> Floats:
    return limited(x, *LIMITS[call.text("activation")])


Step = Callable[[Floats, Floats, Floats], None]
"""Adds the products of two arrays to sums, in place."""


def _add_rounded_product(sums: Floats, a: Floats, b: Floats) -> None:
    sums += a * b


def _step(call: Call) -> Step:
    """How the sums of products of a graph take a product."""
    fused = call.graph.rounding is Rounding.FLOAT_FUSED
    return add_product if fused else _add_rounded_product


def _finished(sums: Floats) -> Floats:
    """0 stands for the -0 to which a fused sum may underflow."""
    return sums + _F(0)


def sums_of_products(
    x: Floats, weight: Floats, bias: Floats, step: Step = _add_rounded_product
) -> Floats:
    """float32[pixels, out]: bias[o] + x[p, k] * weight[o, k] for k = 0, 1, ..., in this order."""
    made = np.empty((len(x), len(weight)), np.float32)
    pixels = max(_BLOCK // len(weight), 1)
    for start in range(0, len(x), pixels):
        columns = np.ascontiguousarray(x[start : start + pixels].T)
        made[start : start + pixels] = _block_of_sums(columns, weight, bias, step)
    return _finished(made)


def _block_of_sums(columns: Floats, weight: Floats, bias: Floats, step: Step) -> Floats:
    """Sums over the first axis of columns [depth, pixels], the longer axis innermost."""
    if columns.shape[1] > len(weight):
        sums = np.repeat(bias[:, None], columns.shape[1], axis=1)
        _add_outer_products(sums, weight.T, columns, step)
        return sums.T
    sums = np.repeat(bias[None], columns.shape[1], axis=0)
    _add_outer_products(sums, columns, weight.T, step)
    return sums


def _add_outer_products(sums: Floats, left: Floats, right: Floats, step: Step) -> None:
    for a, b in zip(left, np.ascontiguousarray(right), strict=True):
        step(sums, a[:, None], b[None])


def conv2d(call: Call) -> Array:
    weight, groups = call.input(1), int(call.number("groups"))
    patches = Window.of(call, weight.shape[1:3]).patches(call.input(0), 0)
    in_c, out_c = weight.shape[3], weight.shape[0] // groups
    bias = bias_of(call.graph, call.node)
    parts = []
    for g in range(groups):
        mine = slice(g * out_c, (g + 1) * out_c)
        x = patches[..., g * in_c : (g + 1) * in_c].reshape(-1, weight[0].size)
        parts.append(sums_of_products(x, weight[mine].reshape(out_c, -1), bias[mine], _step(call)))
    sums = np.concatenate(parts, axis=-1).reshape(*patches.shape[:3], -1)
    return _activated(call, sums)


def conv_transpose2d(call: Call) -> Array:
    x, weight, spread, step = call.input(0), call.input(1), Spread.of(call), _step(call)
    shape = (x.shape[0], *spread.full, len(weight))
    full = np.broadcast_to(bias_of(call.graph, call.node), shape).copy()
    for ky, kx, reached in spread.taps(full):
        for channel in range(x.shape[3]):
            step(reached, x[..., channel, None], weight[:, ky, kx, channel])
    return _activated(call, _finished(spread.cut(full)))


def depthwise_conv2d(call: Call) -> Array:
    x, weight = call.input(0), call.input(1)
    window = Window.of(call, weight.shape[1:3])
    multiplier = weight.shape[3] // x.shape[3]
    shape = (x.shape[0], *window.output_size(x.shape[1], x.shape[2]), weight.shape[3])
    sums, step = np.broadcast_to(bias_of(call.graph, call.node), shape).copy(), _step(call)
    for ky, kx, tap in window.taps(x, 0):
        step(sums, np.repeat(tap, multiplier, axis=3), weight[0, ky, kx])
    return _activated(call, _finished(sums))


def projected(call: Call, x: Floats, weight: Floats, bias: Floats) -> Floats:
    """float32[..., out] of x[..., k] and weight[out, k] in the arithmetic of the graph."""
    sums = sums_of_products(x.reshape(-1, x.shape[-1]), weight, bias, _step(call))
    return sums.reshape(*x.shape[:-1], -1)


def linear(call: Call) -> Array:
    x, weight = call.input(0), call.input(1)
    return _activated(call, projected(call, x, weight, bias_of(call.graph, call.node)))


def matmul(call: Call) -> Array:
    a, b = call.input(0), call.input(1)
    b = b.swapaxes(-1, -2) if call.attrs["transpose_b"] else b
    sums = np.zeros(np.broadcast_shapes((*a.shape[:-1], 1), (*b.shape[:-2], 1, b.shape[-1])), _F)
    step = _step(call)
    for k in range(a.shape[-1]):
        step(sums, a[..., k, None], b[..., k, None, :])
    return _finished(sums)


def layer_norm(call: Call) -> Array:
    x, gain, offset = (call.input(i) for i in range(3))
    centered = x - _mean_of_channels(x)
    variance = _mean_of_channels(centered * centered)
    root = np.sqrt(variance + _F(call.number("epsilon")))
    return np.asarray(centered / root * gain + offset, _F)


def _mean_of_channels(x: Floats) -> Floats:
    sums = np.zeros(x.shape[:-1], _F)
    for c in range(x.shape[-1]):
        sums += x[..., c]
    return sums[..., None] / _F(x.shape[-1])


def avg_pool2d(call: Call) -> Array:
    window, x = Window.of(call, call.ints("kernel")), call.input(0)
    inside = np.ones((1, *x.shape[1:3], 1), np.float32)
    sums, counts = (_sum_of_taps(window, each) for each in (x, inside))
    return _activated(call, sums / counts)


def _sum_of_taps(window: Window, x: Floats) -> Floats:
    shape = (x.shape[0], *window.output_size(x.shape[1], x.shape[2]), x.shape[3])
    sums = np.zeros(shape, np.float32)
    for _, _, tap in window.taps(x, 0):
        sums += tap
    return sums


def max_pool2d(call: Call) -> Array:
    """Of equal values the first one stays, so that 0 and -0 have an order."""
    window, x = Window.of(call, call.ints("kernel")), call.input(0)
    most = np.asarray(-np.inf, np.float32)
    for _, _, tap in window.taps(x, -np.inf):
        most = np.where(tap > most, tap, most)
    return _activated(call, most)


def mean(call: Call) -> Array:
    x, axes = call.input(0), call.ints("axes")
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    moved = x.transpose(*axes, *kept)
    count = int(np.prod(moved.shape[: len(axes)]))
    sums = np.zeros(moved.shape[len(axes) :], np.float32)
    for position in moved.reshape(count, *sums.shape):
        sums += position
    made = sums / np.float32(count)
    return np.expand_dims(made, axes) if call.attrs["keepdims"] else made


def softmax(call: Call) -> Array:
    x = call.input(0) * np.float32(call.number("beta"))
    exponentials = exp(x - x.max(axis=-1, keepdims=True))
    sums = np.zeros(x.shape[:-1], np.float32)
    for c in range(x.shape[-1]):
        sums += exponentials[..., c]
    return np.asarray(exponentials / sums[..., None])


def unary(call: Call) -> Array:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        return FUNCTIONS[call.text("function")](call.input(0), call.number("alpha"))


def _pair(combine: Callable[[Floats, Floats], Floats]) -> Kernel:
    def kernel(call: Call) -> Array:
        return _activated(call, combine(call.input(0), call.input(1)))

    return kernel


KERNELS: dict[str, Kernel] = {
    "add": _pair(np.add),
    "avg_pool2d": avg_pool2d,
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "depthwise_conv2d": depthwise_conv2d,
    "layer_norm": layer_norm,
    "linear": linear,
    "matmul": matmul,
    "max_pool2d": max_pool2d,
    "mean": mean,
    "mul": _pair(np.multiply),
    "softmax": softmax,
    "sub": _pair(np.subtract),
    "unary": unary,
}
