"""Gradients of products of two activations and of a softmax, in both arithmetics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.fixed_point import Int64s
from edge.training.reference.int8_gradients import half_up, headroom, normalized
from edge.training.reference.step_call import StepCall, StepKernel
from edge.training.scales import PROBABILITY_BITS

_LARGEST_OPERAND = 255


def _views(call: StepCall) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Gradient and centred other operand as [batches, i, j, k], repeated where a step is 0."""
    sizes = (call.integer("batches"), *call.ints("sizes"))
    other = call.input(2).astype(np.int16) - np.int16(call.integer("zero_point"))
    return (
        _strided(call.input(0), sizes, call.ints("gradient_steps")),
        _strided(other, sizes, call.ints("other_steps")),
    )


def _strided(
    values: npt.NDArray[Any], sizes: tuple[int, ...], steps: tuple[int, ...]
) -> npt.NDArray[Any]:
    flat = np.ascontiguousarray(values)
    whole = (flat.size // sizes[0], *steps)
    return np.lib.stride_tricks.as_strided(flat, sizes, [flat.itemsize * step for step in whole])


def matmul_gradient(call: StepCall) -> tuple[Array, ...]:
    """Sums are at most 255 times the magnitudes of the gradients that meet."""
    gradient, other = _views(call)
    sums = np.einsum("bijk,bijk->bij", gradient.astype(np.int64), other.astype(np.int64))
    meeting = int(np.abs(gradient.astype(np.int64)).sum(-1).max())
    return headroom(sums.reshape(call.shape()), _LARGEST_OPERAND * meeting, call.exponent())


def float_matmul_gradient(call: StepCall) -> tuple[Array, ...]:
    """Terms by ascending k."""
    gradient, other = _views(call)
    total = np.zeros(gradient.shape[:3], np.float32)
    for k in range(gradient.shape[3]):
        total += gradient[..., k] * other[..., k].astype(np.float32)
    return (total.reshape(call.shape()),)


def _exponentials(call: StepCall) -> npt.NDArray[Any]:
    """Of the distance to the largest value of each vector."""
    x = call.input(2).astype(np.int16)
    found: npt.NDArray[Any] = call.input(3)[x.max(-1, keepdims=True) - x]
    return found


def softmax_gradient(call: StepCall) -> tuple[Array, ...]:
    """With p in Q15: p * (2**15 * g - sum of p * g) in Q15."""
    gradient, exponentials = call.input(0).astype(np.int64), _exponentials(call).astype(np.int64)
    total = exponentials.sum(-1, keepdims=True)
    p: Int64s = ((exponentials << PROBABILITY_BITS) + total // 2) // total
    less = (gradient << PROBABILITY_BITS) - (p * gradient).sum(-1, keepdims=True)
    return normalized(half_up(p * less, PROBABILITY_BITS), call.exponent())


def float_softmax_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, exponentials = call.input(0), _exponentials(call)
    p = exponentials / _sums(exponentials)
    return (p * (gradient - _sums(p * gradient)),)


def _sums(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Over the last axis, in order."""
    return np.asarray(np.add.accumulate(values, axis=-1, dtype=np.float32)[..., -1:])


INT8: dict[str, StepKernel] = {
    "matmul_gradient": matmul_gradient,
    "softmax_gradient": softmax_gradient,
}
FLOAT32: dict[str, StepKernel] = {
    "matmul_gradient": float_matmul_gradient,
    "softmax_gradient": float_softmax_gradient,
}
