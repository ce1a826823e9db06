"""Requantization constants as the WebAssembly SIMD kernels take them.

Four channels make a vector. WebAssembly shifts all lanes of a vector alike and has no high half of
a product, so the scale q * 2**-31 * 2**-r of a channel is brought to one exponent R = r + d of its
vector by a factor 2**d on the accumulator:

    t = floor(acc * 2**d * q / 2**32)                  the upper halves of four 64-bit products
    out = (t + add + (sign if acc < 0)) >> (R - 1)

ONCE, floor((acc * q + 2**(30 + r)) / 2**(31 + r)): add = 2**(R - 2), sign = 0.
TWICE with r > 0 rounds to a multiple of 2**31 first and halves away from zero then:
add = 2**(d - 2) + 2**(R - 2), sign = -2**(d - 1). The sign of acc may stand for that of the first
quotient: where they differ the quotient is 0, and both give 0. With r <= 0 it is ONCE.
All terms are integers after the division by 2**32, so the floors nest exactly: d >= 2 for TWICE,
R >= 2. Bounds: |acc| * 2**d < 2**31, hence |t| < 2**30, and R <= 31.

Where all vectors of a layer can have R = 17, which is nearly always, its kernel shifts by a
constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.quantization.channels import accumulators, of_channels, scaled
from edge.quantization.constants import Weighted
from edge.quantization.fixed_point import Int64s
from edge.quantization.requantize import Form, Requantize

LANES = 4
BLOCK = 8  # channels that a kernel makes at once
COMMON_EXPONENT = 17  # R
_LARGEST_EXPONENT = 31
_LARGEST_FIXED_EXPONENT = 22  # a fixed output of up to 9 bits, shifted left by R - 1, fits int32


@dataclass(frozen=True, eq=False)
class VectorScale:
    """Constants of n channels, n a multiple of 4: int64[n], but shift int64[n / 4] = R - 1."""

    factor: Int64s
    multiplier: Int64s
    add: Int64s
    sign: Int64s
    shift: Int64s

    @property
    def common(self) -> bool:
        """Whether all vectors have the common exponent."""
        return bool(np.all(self.shift == COMMON_EXPONENT - 1))

    @property
    def records(self) -> npt.NDArray[np.int32]:
        """int32[n / 4, 20]: factor, multiplier, add and sign of 4 channels, shift, 3 unused."""
        lanes = (self.factor, self.multiplier, self.add, self.sign)
        shift = np.pad(self.shift[:, None], ((0, 0), (0, LANES - 1)))
        return np.concatenate([*(x.reshape(-1, LANES) for x in lanes), shift], axis=1).astype(
            np.int32
        )


def filled_blocks(channels: int) -> npt.NDArray[np.int64]:
    """int64[8 * blocks] channels in blocks of 8, the last channel repeated to fill the last one."""
    return np.minimum(np.arange(-(-channels // BLOCK) * BLOCK), channels - 1)


def overlapping_blocks(channels: int) -> npt.NDArray[np.int64]:
    """int64[8 * blocks] at least 8 channels in blocks of 8; the last block ends with the last."""
    first = np.minimum(np.arange(0, channels, BLOCK), channels - BLOCK)
    return (first[:, None] + np.arange(BLOCK)).reshape(-1)


def weighted_scale(
    weighted: Weighted, weights: npt.NDArray[np.int8], channels: npt.NDArray[np.int64]
) -> VectorScale | None:
    """The constants of `channels` of a layer with `weights` int8[all channels, taps].

    None where they do not exist. A channel whose output is the same for all inputs gets it from
    `add` alone.
    """
    weighted, weights = of_channels(weighted, channels), weights[channels]
    low, high = accumulators(weighted, weights)
    value = scaled(weighted.requantize, high)
    fixed = value == scaled(weighted.requantize, low)
    largest = np.maximum(np.abs(low), np.abs(high))
    return vector_scale(weighted.requantize, largest, np.where(fixed, value, _NOT_FIXED))


_NOT_FIXED = 1 << 20


def vector_scale(
    requantize: Requantize, largest: Int64s, value: Int64s | None = None
) -> VectorScale | None:
    """The constants for accumulators |acc| <= largest int64[n]; None if a vector has no R.

    `value` int64[n] is the output, less the zero point, of channels that have but one.
    """
    count = len(largest)
    value = np.full(count, _NOT_FIXED) if value is None else value
    fixed = _padded(value, 0) != _NOT_FIXED
    q = _padded(np.broadcast_to(requantize.multiplier.astype(np.int64), count), 0)
    right = _padded(np.broadcast_to(-requantize.shift.astype(np.int64), count), 0)
    twice_rounded = (right > 0) & (requantize.form is Form.TWICE)
    q, right = _normalized(q, right, ~twice_rounded)
    # The largest d with largest * 2**d < 2**31.
    most = 31 - np.ceil(np.log2(_padded(largest, 0) + 1.0)).astype(np.int64)
    exponent = _exponents(right, np.where(twice_rounded, 2, np.maximum(2 - right, 0)), most, fixed)
    if exponent is None:
        return None
    lanes = np.repeat(exponent, LANES)
    return _constants(q, lanes - right, lanes, twice_rounded, fixed, _padded(value, 0))


def _normalized(q: Int64s, right: Int64s, where: npt.NDArray[np.bool_]) -> tuple[Int64s, Int64s]:
    """q in [2**30, 2**31) with the same scale, where a single rounding is indifferent to that."""
    raised = np.where(where & (q > 0), 30 - np.floor(np.log2(np.maximum(q, 1))).astype(np.int64), 0)
    return q << raised, right + raised


def _exponents(
    right: Int64s, least: Int64s, most: Int64s, fixed: npt.NDArray[np.bool_]
) -> Int64s | None:
    """R of each vector, int64[n / 4], so that least <= R - right <= most; None if there is none."""

    def fits(exponent: Int64s) -> bool:
        d = np.repeat(exponent, LANES) - right
        limit = np.where(_by_vector(fixed), _LARGEST_FIXED_EXPONENT, _LARGEST_EXPONENT)
        return bool(np.all(fixed | ((least <= d) & (d <= most))) and np.all(exponent <= limit))

    common = np.full(len(right) // LANES, COMMON_EXPONENT)
    smallest = np.where(fixed, 2, right + least).reshape(-1, LANES).max(axis=1)
    return next((exponent for exponent in (common, smallest) if fits(exponent)), None)


def _constants(
    q: Int64s,
    d: Int64s,
    exponent: Int64s,
    twice_rounded: npt.NDArray[np.bool_],
    fixed: npt.NDArray[np.bool_],
    value: Int64s,
) -> VectorScale:
    one = np.int64(1)
    first = np.where(twice_rounded & ~fixed, d, 2)
    add = (one << (exponent - 2)) + np.where(twice_rounded, one << (first - 2), 0)
    return VectorScale(
        factor=np.where(fixed, 0, one << np.where(fixed, 0, d)),
        multiplier=np.where(fixed, 0, q),
        add=np.where(fixed, np.where(value == _NOT_FIXED, 0, value) << (exponent - 1), add),
        sign=np.where(twice_rounded & ~fixed, -(one << (first - 1)), 0),
        shift=exponent[::LANES] - 1,
    )


def _padded(array: Int64s, fill: int) -> Int64s:
    """Filled up to a multiple of 4."""
    return np.pad(array, (0, -len(array) % LANES), constant_values=fill)


def _by_vector(lanes: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    return np.asarray(lanes.reshape(-1, LANES).any(axis=1), np.bool_)
