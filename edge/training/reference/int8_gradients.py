"""Definition B: int8 gradients with one exponent a tensor, int32 sums, no floating point.

    true gradient = gradient * 2**exponent * unit

A tensor of sums is brought to int8 by the smallest right shift that makes its largest magnitude
fit, halves up; the shift is added to the exponent. Where a sum needs a second pass, it is kept as
int16 meanwhile, after a shift that follows from a bound on the sums (`headroom`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.fixed_point import Int64s
from edge.quantization.layer_norm import LayerNorm, reciprocal_root
from edge.quantization.layer_norm import normalized as normalized_values
from edge.reference.windows import Window
from edge.training.reference.sparse import through
from edge.training.reference.step_call import (
    StepCall,
    StepKernel,
    canvas_for,
    scatter_taps,
    unpacked_bits,
    without_padding,
)
from edge.training.scales import PROBABILITY_BITS

_INT8_BITS, _INT16_BITS = 7, 15
_LARGEST_WEIGHT = 128
_FLOAT32_EXACT = 2**24
_LONGEST_SHIFT = 30
_SUM_HEADROOM = 8
_ROOT_DROPPED, _ROOT_END = 14, 14  # bits of the root; its exponent is at least -14


def half_up(values: Int64s, right: int) -> Int64s:
    """values * 2**-right, halves up."""
    return (values + ((1 << right) >> 1)) >> right


def normalized(values: Int64s, exponent: int) -> tuple[Array, Array]:
    """int8 and its exponent int32[1]."""
    right = max(0, int(np.abs(values).max()).bit_length() - _INT8_BITS)
    stored = np.clip(half_up(values, right), -127, 127).astype(np.int8)
    return stored, np.array([exponent + right], np.int32)


def headroom(values: Int64s, bound: int, exponent: int) -> tuple[Array, Array]:
    """int16 and its exponent, shifted as much as sums of up to `bound` need."""
    right = max(0, bound.bit_length() - _INT16_BITS)
    stored = np.clip(half_up(values, right), -(2**15) + 1, 2**15 - 1).astype(np.int16)
    return stored, np.array([exponent + right], np.int32)


def product(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Int64s:
    """An exact matrix product of integers of up to 255."""
    small = left.shape[-1] * 255 * 128 < _FLOAT32_EXACT
    dtype: npt.DTypeLike = np.float32 if small else np.float64
    found: npt.NDArray[Any] = left.astype(dtype) @ right.astype(dtype)
    return found.astype(np.int64)


def _wide(call: StepCall) -> Int64s:
    return call.input(0).astype(np.int64)


def cross_entropy_gradient(call: StepCall) -> tuple[Array, ...]:
    """(softmax - one-hot) in units of 2**-15; exponentials in Q19 from a table of differences."""
    logits, table = _wide(call).reshape(-1), call.input(2).astype(np.int64)
    exponentials = table[logits.max() - logits]
    total = int(exponentials.sum())
    values = ((exponentials << PROBABILITY_BITS) + total // 2) // total
    values[int(call.input(1)[0])] -= 1 << PROBABILITY_BITS
    return normalized(values.reshape(call.shape()), 0)


def squared_error_gradient(call: StepCall) -> tuple[Array, ...]:
    return normalized(_wide(call) - call.input(1), 0)


def clip_gradient(call: StepCall) -> tuple[Array, ...]:
    values, mask, factors = _wide(call), call.optional(2), call.optional(3)
    if mask is not None:
        values = values * unpacked_bits(mask, values.size).reshape(values.shape)
    if factors is not None:
        values = values * factors.astype(np.int64)
    return normalized(values, call.exponent() + call.integer("power"))


def add_gradient(call: StepCall) -> tuple[Array, ...]:
    """Products of 21 bits, brought to 8 below the larger exponent of those that are not zero."""
    a = _wide(call) * call.integer("multiplier")
    b = call.input(2).astype(np.int64) * call.integer("other_multiplier")
    exponents = (
        call.exponent(1) + call.integer("power"),
        call.exponent(3) + call.integer("other_power"),
    )
    meaningful = [e for part, e in zip((a, b), exponents, strict=True) if part.any()]
    low = max(meaningful, default=exponents[0]) - _SUM_HEADROOM
    a, b = (_brought(part, low - e) for part, e in zip((a, b), exponents, strict=True))
    return normalized(a + b, low)


def _brought(values: Int64s, right: int) -> Int64s:
    if not values.any():
        return values
    return values << -right if right < 0 else half_up(values, min(right, _LONGEST_SHIFT))


def top_gradient(call: StepCall) -> tuple[Array, ...]:
    """The channels with the largest sums of magnitudes, the first of equals."""
    sums = np.abs(_wide(call).reshape(-1, call.shape()[-1])).sum(0)
    return (largest_channels(call, sums),)


def largest_channels(call: StepCall, sums: npt.NDArray[Any]) -> Array:
    """The gradient of the channels with the largest sums; the others are 0."""
    gradient = call.input(0)
    top = np.argsort(-sums, kind="stable")[: call.integer("keep")]
    found = np.zeros_like(gradient)
    found[..., top] = gradient[..., top]
    return found


def narrow_gradient(call: StepCall) -> tuple[Array, ...]:
    return normalized(_wide(call), call.exponent())


def _overlap(window: Window) -> int:
    """The most output positions that one input position takes part in."""
    pairs = zip(window.kernel, window.stride, strict=True)
    return math.prod(-(-kernel // stride) for kernel, stride in pairs)


def conv2d_input_gradient(call: StepCall) -> tuple[Array, ...]:
    """Sums are at most 128 times the magnitudes of the gradient at the positions that meet."""
    gradient, weight, groups = call.input(0), call.input(2), call.integer("groups")
    window = Window.of(call, weight.shape[1:3])
    canvas = canvas_for(window, call.shape(), np.int64)
    outputs, inputs = weight.shape[0] // groups, weight.shape[3]
    for ky, kx, reached in scatter_taps(window, canvas, gradient.shape[1:3]):
        for g in range(groups):
            out = slice(g * outputs, (g + 1) * outputs)
            part = product(gradient[..., out], weight[out, ky, kx])
            reached[..., g * inputs : (g + 1) * inputs] += part
    magnitudes = np.abs(gradient.astype(np.int64)).sum(-1)
    meeting = min(int(magnitudes.sum()), _overlap(window) * int(magnitudes.max()))
    sums = without_padding(window, canvas, call.shape())
    return headroom(sums, _LARGEST_WEIGHT * meeting, call.exponent())


def depthwise_conv2d_input_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, weight = _wide(call), call.input(2).astype(np.int64)
    window, channels = Window.of(call, weight.shape[1:3]), call.shape()[3]
    repeats = weight.shape[3] // channels
    canvas = canvas_for(window, call.shape(), np.int64)
    for ky, kx, reached in scatter_taps(window, canvas, gradient.shape[1:3]):
        part = gradient * weight[0, ky, kx]
        reached += part.reshape(*part.shape[:3], channels, repeats).sum(-1)
    bound = _LARGEST_WEIGHT * _overlap(window) * repeats * int(np.abs(gradient).max())
    return headroom(without_padding(window, canvas, call.shape()), bound, call.exponent())


def linear_input_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, weight = call.input(0), call.input(2)
    bound = _LARGEST_WEIGHT * int(np.abs(gradient.astype(np.int64)).sum(-1).max())
    return headroom(product(gradient, weight), bound, call.exponent())


def mean_gradient(call: StepCall) -> tuple[Array, ...]:
    """Also in float32: every position gets the same value."""
    shape = call.shape()
    kept = tuple(1 if axis in call.ints("axes") else n for axis, n in enumerate(shape))
    return (np.ascontiguousarray(np.broadcast_to(call.input(0).reshape(kept), shape)),)


def avg_pool2d_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, shares, shape = _wide(call), call.input(1).astype(np.int64), call.shape()
    window = Window.of(call, call.ints("kernel"))
    inside = np.ones((1, *shape[1:3], 1), np.int64)
    counts = sum((tap for _, _, tap in window.taps(inside, 0)), start=np.int64(0))
    values = gradient * shares[counts - 1 if len(shares) > 1 else np.zeros_like(counts)]
    canvas = canvas_for(window, shape, np.int64)
    for _, _, reached in scatter_taps(window, canvas, gradient.shape[1:3]):
        reached += values
    sums = half_up(without_padding(window, canvas, shape), call.integer("shift"))
    return (sums.astype(np.int16),)


def winners(call: StepCall, window: Window, x: Array) -> npt.NDArray[np.int64]:
    """For each output the tap, in reading order, that holds the first of the largest values."""
    taps = [tap.astype(np.int16) for _, _, tap in window.taps(x.astype(np.int16), -(2**15))]
    return np.asarray(np.argmax(np.stack(taps), axis=0), np.int64)


def max_pool2d_gradient(call: StepCall) -> tuple[Array, ...]:
    window = Window.of(call, call.ints("kernel"))
    chosen = winners(call, window, call.input(1))
    canvas = canvas_for(window, call.shape(), np.int64)
    for ky, kx, reached in scatter_taps(window, canvas, chosen.shape[1:3]):
        reached += np.where(chosen == ky * window.kernel[1] + kx, _wide(call), 0)
    return (without_padding(window, canvas, call.shape()).astype(np.int16),)


def slice_gradient(call: StepCall) -> tuple[Array, ...]:
    """Also in float32: zero where the slice took nothing."""
    found = np.zeros(call.shape(), call.input(0).dtype)
    cuts = zip(call.ints("begin"), call.ints("end"), call.ints("strides"), strict=True)
    found[tuple(slice(*cut) for cut in cuts)] = call.input(0)
    return (found,)


def lookup_gradient(call: StepCall) -> tuple[Array, ...]:
    slopes = call.input(3).astype(np.int64)[call.input(2).astype(np.int16) + 128]
    return normalized(_wide(call) * slopes, call.exponent())


def collapsed_axes(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which an operand of shape `target` was repeated to `shape`."""
    padded = (1,) * (len(shape) - len(target)) + target
    return tuple(i for i, (n, m) in enumerate(zip(shape, padded, strict=True)) if n != m)


def _summed(call: StepCall, values: Int64s) -> Int64s:
    axes = collapsed_axes(values.shape, call.shape())
    return np.asarray(values.sum(axes, dtype=np.int64).reshape(call.shape()), np.int64)


def sum_gradient(call: StepCall) -> tuple[Array, ...]:
    return normalized(_summed(call, _wide(call)), call.exponent())


def mul_gradient(call: StepCall) -> tuple[Array, ...]:
    other = call.input(2).astype(np.int64) - call.integer("zero_point")
    return normalized(_summed(call, _wide(call) * other), call.exponent())


def layer_norm_gradient(call: StepCall) -> tuple[Array, ...]:
    """With p = gradient * gain where the output was not clamped, h of the forward pass, n channels:

    (n * p - sum p - h * sum(p * h)) / sqrt(D), in units of 2**-15, brought to int8.
    """
    constants = norm_constants(call)
    x, bits = call.input(2).astype(np.int64), constants.fraction_bits
    h, (root, exponent) = normalized_values(x, constants), _norm_root(x, constants)
    p = _wide(call) * np.where(norm_inside(h, constants), constants.gain.astype(np.int64), 0)
    along = (p * h).sum(-1, keepdims=True) >> bits
    spread = constants.channels * p - p.sum(-1, keepdims=True) - ((h * along) >> bits)
    right = exponent + _ROOT_END
    scaled = (spread * (root >> _ROOT_DROPPED) + ((np.int64(1) << right) >> 1)) >> right
    return normalized(np.asarray(scaled, np.int64), call.exponent())


def norm_constants(call: StepCall) -> LayerNorm:
    """The constants of the forward pass."""
    gain, offset = call.input(3).astype(np.int16), call.input(4).astype(np.int32)
    names = ("epsilon", "fraction_bits", "shift", "minimum", "maximum")
    epsilon, bits, shift, low, high = (call.integer(name) for name in names)
    return LayerNorm(gain.size, epsilon, bits, gain, offset, shift, low, high)


def norm_spread(x: Int64s, constants: LayerNorm) -> Int64s:
    """D of each vector."""
    total, squares = (part.sum(-1, keepdims=True) for part in (x, x * x))
    return np.asarray(constants.channels * squares - total * total + constants.epsilon, np.int64)


def _norm_root(x: Int64s, constants: LayerNorm) -> tuple[Int64s, Int64s]:
    return reciprocal_root(norm_spread(x, constants))


def norm_inside(h: Int64s, constants: LayerNorm) -> npt.NDArray[np.bool_]:
    """Where the forward pass did not clamp."""
    made = (h * constants.gain + constants.offset) >> constants.shift
    return np.asarray((made >= constants.minimum) & (made <= constants.maximum))


KERNELS: dict[str, StepKernel] = {
    "cross_entropy_gradient": cross_entropy_gradient,
    "squared_error_gradient": squared_error_gradient,
    "clip_gradient": clip_gradient,
    "clip_wide_gradient": clip_gradient,
    "add_gradient": add_gradient,
    "narrow_gradient": narrow_gradient,
    "conv2d_input_gradient": conv2d_input_gradient,
    "depthwise_conv2d_input_gradient": depthwise_conv2d_input_gradient,
    "linear_input_gradient": linear_input_gradient,
    "sparse_conv2d_input_gradient": through(conv2d_input_gradient, 2),
    "sparse_linear_input_gradient": through(linear_input_gradient, 2),
    "top_gradient": top_gradient,
    "mean_gradient": mean_gradient,
    "avg_pool2d_gradient": avg_pool2d_gradient,
    "max_pool2d_gradient": max_pool2d_gradient,
    "slice_gradient": slice_gradient,
    "lookup_gradient": lookup_gradient,
    "layer_norm_gradient": layer_norm_gradient,
    "sum_gradient": sum_gradient,
    "mul_gradient": mul_gradient,
}
