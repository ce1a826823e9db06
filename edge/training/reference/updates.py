"""Parameter updates: round to nearest, saturate, never truncate, never wrap.

A step is gradient * factor, with the factor a float32 or mantissa * 2**-shift. The trained slice
of a weight is m = 256 * high + low, of which kernels read `high` alone: low starts at 128, so that
high is the true value m / 256 - 1/2 rounded to nearest. With stochastic rounding there is no low
byte: a random one takes its place at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.fixed_point import Int64s
from edge.reference.windows import Window
from edge.training.reference import sparse
from edge.training.reference.int8_gradients import product
from edge.training.reference.step_call import StepCall, StepKernel

_INT32_MAX = 2**31 - 1
_LOWEST, _HIGHEST = -127 * 256, 127 * 256 + 255
_MOST_LEFT = 17  # of a product of at least 2**14: beyond int32
_MOST_RIGHT = 62
_HIGH = 3  # slot of a weight in an update
_BIG = np.float32(2**30)


def fixed_step(sums: Int64s, mantissa: Array, shift: Array, exponent: int) -> Int64s:
    """sums * mantissa * 2**(exponent - shift), halves up, saturated to int32.

    A mantissa is 0 or at least 2**14 in magnitude.
    """
    scaled = sums * mantissa.astype(np.int64)
    right = np.clip(shift.astype(np.int64) - exponent, -_MOST_LEFT, _MOST_RIGHT)
    down, up = np.maximum(right, 0), np.maximum(-right, 0)
    rounded = (scaled + ((np.int64(1) << down) >> 1)) >> down
    return np.asarray(np.clip(rounded << up, -_INT32_MAX, _INT32_MAX), np.int64)


def float_step(sums: npt.NDArray[np.float32], factor: npt.NDArray[np.float32]) -> Int64s:
    """sums * factor in float32, halves up, saturated to +-2**30."""
    raw = np.clip(sums * factor, -_BIG, _BIG)
    return np.asarray(np.floor(raw + np.float32(0.5)), np.int64)


def step_of(call: StepCall, sums: npt.NDArray[Any]) -> Int64s:
    """The step of each parameter, in its unit or in 1/256 of a weight's; factors are by channel."""
    slot = 3 if call.node.op == "update_bias" else 5
    shape = [1] * sums.ndim
    shape[_OUTPUT_AXIS[call.node.op]] = -1
    factor = call.input(slot).reshape(shape)
    shift = call.optional(slot + 1)
    if shift is None:
        return float_step(sums, factor)
    return fixed_step(sums, factor, shift.reshape(shape), call.exponent())


def _positions(array: Array) -> npt.NDArray[Any]:
    return array.reshape(-1, array.shape[-1])


def _column_sums(gradient: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """float32 is added position by position."""
    if gradient.dtype == np.float32:
        return np.asarray(np.add.accumulate(gradient, axis=0, dtype=np.float32)[-1])
    return np.asarray(gradient.sum(0, dtype=np.int64))


def bias_gradient(call: StepCall) -> npt.NDArray[Any]:
    """[channels] sums over positions."""
    return _column_sums(_positions(call.input(0)))


def update_bias(call: StepCall) -> tuple[Array, ...]:
    bias = call.input(2).astype(np.int64)
    limit = call.integer("limit")
    moved = np.clip(bias - step_of(call, bias_gradient(call)), -limit, limit)
    return (np.where(call.input(3) != 0, moved, bias).astype(np.int32),)


def _correlated(gradient: npt.NDArray[Any], x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[out, in] sums over positions of gradient [positions, out] times x [positions, in]."""
    if gradient.dtype != np.float32:
        return product(gradient.T, x)
    total = np.zeros((gradient.shape[1], x.shape[1]), np.float32)
    for g, row in zip(gradient, x.astype(np.float32), strict=True):
        total += g[:, None] * row
    return total


def _centered_taps(call: StepCall, kernel: tuple[int, ...]) -> Iterator[tuple[int, int, Array]]:
    """x less its zero point under each kernel position; padding is 0."""
    x = call.input(2).astype(np.int16) - np.int16(call.integer("in_zero_point"))
    return Window.of(call, kernel).taps(x, 0)


def conv2d_weight_gradient(call: StepCall) -> npt.NDArray[Any]:
    """[out, kernel_h, kernel_w, in] of the trained slice."""
    gradient, shape, groups = call.input(0), call.input(3).shape, call.integer("groups")
    outputs, inputs = shape[0] // groups, shape[3]
    parts = np.zeros(shape, np.float32 if gradient.dtype == np.float32 else np.int64)
    for ky, kx, tap in _centered_taps(call, shape[1:3]):
        for g in range(groups):
            out, into = slice(g * outputs, (g + 1) * outputs), slice(g * inputs, (g + 1) * inputs)
            parts[out, ky, kx] = _correlated(
                _positions(gradient[..., out]), _positions(tap[..., into])
            )
    return parts


def depthwise_weight_gradient(call: StepCall) -> npt.NDArray[Any]:
    gradient, shape = call.input(0), call.input(3).shape
    trained = shape[3]
    repeats = -(-trained // call.input(2).shape[3])
    parts = np.zeros(shape, np.float32 if gradient.dtype == np.float32 else np.int64)
    wide = gradient.dtype if gradient.dtype == np.float32 else np.dtype(np.int64)
    for ky, kx, tap in _centered_taps(call, shape[1:3]):
        terms = gradient[..., :trained].astype(wide) * np.repeat(tap, repeats, 3)[..., :trained]
        parts[0, ky, kx] = _column_sums(_positions(terms.astype(wide)))
    return parts


def linear_weight_gradient(call: StepCall) -> npt.NDArray[Any]:
    x = call.input(2).astype(np.int16) - np.int16(call.integer("in_zero_point"))
    return _correlated(_positions(call.input(0)), _positions(x))


def apply_weight(call: StepCall, steps: Int64s) -> tuple[Array, ...]:
    high, low = call.input(3).astype(np.int64), call.optional(4)
    kept = random_bytes(call, high.size).reshape(high.shape) if low is None else low
    moved = np.clip(high * 256 + kept - steps, _LOWEST, _HIGHEST)
    stored = (moved >> 8).astype(np.int8)
    return (stored,) if low is None else (stored, (moved & 255).astype(np.uint8))


def random_bytes(call: StepCall, count: int) -> Int64s:
    """The upper bytes of `count` words: one for each weight of a step."""
    index = np.arange(call.integer("first"), call.integer("first") + count, dtype=np.uint32)
    words = random_words(call.integer("seed"), int(call.input(7)[0]), index)
    return np.asarray(words >> np.uint32(24), np.int64)


def random_words(seed: int, step: int, index: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """One for each (seed, step, index): a counter-based generator, replayable anywhere.

    The mixer is lowbias32 of C. Wellons' hash-prospector.
    """
    start = (step * 0x85EBCA77 + seed) & 0xFFFFFFFF
    mixed = index * np.uint32(0x9E3779B1) + np.uint32(start)
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x7FEB352D)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x846CA68B)
    return np.asarray(mixed ^ (mixed >> np.uint32(16)), np.uint32)


def random_word(seed: int, step: int, index: int) -> int:
    return int(random_words(seed, step, np.array([index], np.uint32))[0])


def count(call: StepCall) -> tuple[Array, ...]:
    return ((call.input(0).astype(np.uint32) + np.uint32(1)).astype(np.int32),)


def _of_blocks(call: StepCall) -> npt.NDArray[Any]:
    """The gradient of the dense weight: also of what is not stored."""
    whole = sparse.dense(call, _HIGH)
    return GRADIENTS[whole.node.op](whole)


GRADIENTS: dict[str, Callable[[StepCall], npt.NDArray[Any]]] = {
    "update_bias": bias_gradient,
    "update_conv2d_weight": conv2d_weight_gradient,
    "update_depthwise_conv2d_weight": depthwise_weight_gradient,
    "update_linear_weight": linear_weight_gradient,
    "update_sparse_conv2d_weight": _of_blocks,
    "update_sparse_linear_weight": _of_blocks,
}
"""What each update applies at once: the gradient of its parameter, which no tensor ever holds."""

_OUTPUT_AXIS = {op: 3 if op == "update_depthwise_conv2d_weight" else 0 for op in GRADIENTS}


def update_weight(call: StepCall) -> tuple[Array, ...]:
    return apply_weight(call, step_of(call, GRADIENTS[call.node.op](call)))


def update_blocks(call: StepCall) -> tuple[Array, ...]:
    """Steps of the dense weight, of which only those of live blocks are made."""
    whole = sparse.dense(call, _HIGH)
    steps = step_of(whole, GRADIENTS[whole.node.op](whole))
    return apply_weight(call, np.asarray(sparse.places(call).gather(steps), np.int64))


KERNELS: dict[str, StepKernel] = {
    "count": count,
    "update_bias": update_bias,
    **{op: update_weight for op in GRADIENTS if op != "update_bias" and "sparse" not in op},
    **{op: update_blocks for op in GRADIENTS if "sparse" in op},
}
