"""float32 operators, for calibration and for checking imports. Compared with a tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.functions import FUNCTIONS
from edge.reference.call import Call
from edge.reference.windows import Spread, Window

Floats = npt.NDArray[np.float32]


def _activated(call: Call, x: npt.NDArray[Any]) -> Floats:
    activation = call.text("activation")
    if activation != "none":
        x = FUNCTIONS[activation](x, 0.0)
    return np.asarray(x, np.float32)


def _with_bias(call: Call, x: npt.NDArray[Any]) -> Floats:
    bias = call.optional(2)
    return _activated(call, x if bias is None else x + bias)


def conv2d(call: Call) -> Array:
    weight, groups = call.input(1), int(call.number("groups"))
    patches = Window.of(call, weight.shape[1:3]).patches(call.input(0), 0)
    in_c, out_c = weight.shape[3], weight.shape[0] // groups
    products = [
        _product(patches[..., g * in_c : (g + 1) * in_c], weight[g * out_c : (g + 1) * out_c])
        for g in range(groups)
    ]
    return _with_bias(call, np.concatenate(products, axis=-1))


def _product(patches: npt.NDArray[Any], weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    rows = weight.reshape(weight.shape[0], -1)
    leading = patches.shape[: patches.ndim - weight.ndim + 1]
    product: npt.NDArray[Any] = patches.reshape(-1, rows.shape[1]) @ rows.T
    return product.reshape(*leading, rows.shape[0])


def depthwise_conv2d(call: Call) -> Array:
    x, weight = call.input(0), call.input(1)
    window = Window.of(call, weight.shape[1:3])
    filters = weight[0].reshape(*weight.shape[1:3], x.shape[3], -1)
    shape = (x.shape[0], *window.output_size(x.shape[1], x.shape[2]), *filters.shape[2:])
    sums = np.zeros(shape, np.float32)
    for ky, kx, tap in window.taps(x, 0):
        sums += tap[..., None] * filters[ky, kx]
    return _with_bias(call, sums.reshape(*shape[:3], -1))


def conv_transpose2d(call: Call) -> Array:
    x, weight, spread = call.input(0), call.input(1), Spread.of(call)
    full = np.zeros((x.shape[0], *spread.full, weight.shape[0]), np.float32)
    for ky, kx, reached in spread.taps(full):
        reached += x @ weight[:, ky, kx].T
    return _with_bias(call, spread.cut(full))


def matmul(call: Call) -> Array:
    a, b = call.input(0), call.input(1)
    return np.asarray(a @ (b.swapaxes(-1, -2) if call.attrs["transpose_b"] else b), np.float32)


def linear(call: Call) -> Array:
    return _with_bias(call, call.input(0) @ call.input(1).T)


def batch_norm(call: Call) -> Array:
    x, weight, bias, mean, variance = (call.input(i) for i in range(5))
    scale = weight / np.sqrt(variance + np.float32(call.number("epsilon")))
    return np.asarray((x - mean) * scale + bias, np.float32)


def layer_norm(call: Call) -> Array:
    x, weight, bias = (call.input(i) for i in range(3))
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centered).mean(axis=-1, keepdims=True)
    deviation = np.sqrt(variance + np.float32(call.number("epsilon")))
    return np.asarray(centered / deviation * weight + bias, np.float32)


def avg_pool2d(call: Call) -> Array:
    """The mean of the positions inside the input."""
    window, x = Window.of(call, call.ints("kernel")), call.input(0)
    sums = sum((tap for _, _, tap in window.taps(x, 0)), start=np.float32(0))
    inside = np.ones((1, *x.shape[1:3], 1), np.float32)
    counts = sum((tap for _, _, tap in window.taps(inside, 0)), start=np.float32(0))
    return _activated(call, np.asarray(sums) / np.asarray(counts))


def max_pool2d(call: Call) -> Array:
    window = Window.of(call, call.ints("kernel"))
    patches = window.patches(call.input(0), -np.inf)
    return _activated(call, patches.max(axis=(3, 4)))


def mean(call: Call) -> Array:
    keepdims = bool(call.attrs["keepdims"])
    return np.asarray(call.input(0).mean(call.ints("axes"), np.float32, keepdims=keepdims))


def add(call: Call) -> Array:
    return _activated(call, call.input(0) + call.input(1))


def sub(call: Call) -> Array:
    return _activated(call, call.input(0) - call.input(1))


def mul(call: Call) -> Array:
    return _activated(call, call.input(0) * call.input(1))


def softmax(call: Call) -> Array:
    x = call.input(0) * np.float32(call.number("beta"))
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), np.float32)


def unary(call: Call) -> Array:
    function = FUNCTIONS[call.text("function")]
    return np.asarray(function(call.input(0), call.number("alpha")), np.float32)


def identity(call: Call) -> Array:
    """A change of quantization that has no meaning for real numbers."""
    return call.input(0)
