"""Gradients of a resize in both arithmetics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.resize_tables import FRACTION_BITS
from edge.training.reference.int8_gradients import half_up, normalized
from edge.training.reference.step_call import StepCall, StepKernel

_ONE = 1 << FRACTION_BITS
Int64s = npt.NDArray[np.int64]


def _neighbours(call: StepCall, axis: int) -> Iterator[tuple[Int64s, Int64s]]:
    """The inputs that each output of an axis was made of, and their weights in Q10."""
    index, fraction = call.input(2 + axis).astype(np.int64), call.optional(4 + axis)
    if fraction is None:
        yield index, np.full(index.shape, _ONE, np.int64)
        return
    weight = fraction.astype(np.int64)
    yield index, _ONE - weight
    yield np.minimum(index + 1, call.shape()[1 + axis] - 1), weight


def _terms(call: StepCall) -> Iterator[tuple[Int64s, Int64s, Int64s]]:
    """Rows and columns of the input as [out_h, out_w], and weights in Q20, left to right."""
    for columns, across in _neighbours(call, 1):
        for rows, down in _neighbours(call, 0):
            places = np.broadcast_arrays(rows[:, None], columns[None])
            yield places[0], places[1], down[:, None] * across[None]


def resize_gradient(call: StepCall) -> tuple[Array, ...]:
    """Weights of Q10; of nearest pixels sums alone."""
    sums = np.zeros(call.shape(), np.int64)
    plain = call.optional(4) is None
    for rows, columns, weights in _terms(call):
        factors = weights // (_ONE * _ONE) if plain else half_up(weights, FRACTION_BITS)
        pixels, at = sums.reshape(-1, sums.shape[3]), rows * sums.shape[2] + columns
        np.add.at(pixels, at, call.input(0)[0].astype(np.int64) * factors[..., None])
    return normalized(sums, call.exponent())


def float_resize_gradient(call: StepCall) -> tuple[Array, ...]:
    """Terms in the order of the output's pixels, and for each by column, then row."""
    gradient, total = call.input(0)[0], np.zeros(call.shape(), np.float32)
    terms = list(_terms(call))
    for y, x in np.ndindex(*gradient.shape[:2]):
        for rows, columns, weights in terms:
            factor = np.float32(weights[y, x]) * np.float32(1 / (_ONE * _ONE))
            total[0, rows[y, x], columns[y, x]] += gradient[y, x] * factor
    return (total,)


INT8: dict[str, StepKernel] = {
    "resize_gradient": resize_gradient,
}
FLOAT32: dict[str, StepKernel] = {
    "resize_gradient": float_resize_gradient,
}
