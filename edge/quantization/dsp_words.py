"""Requantization constants as the Armv7E-M kernels take them; the arithmetic is in edge/dsp.h.

A channel is a bias, a small number f and a multiplier q. The kernels scale by q * 2**-31 * 2**-e
with e = f + 2 in the form ONCE and e = f + 1 in the form TWICE. Where two channels share an
accumulator, and bias and f a word, |acc| must stay below 2**23.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.quantization.channels import accumulators, scaled
from edge.quantization.constants import Weighted
from edge.quantization.fixed_point import Int64s
from edge.quantization.requantize import Form

PAIR_LIMIT = 1 << 23
"""What accumulators must stay below in packings where two channels share one."""

WIDE_LIMIT = 1 << 28
"""What accumulators must stay below in the others: room for twice the sum and a constant."""

DUO_LIMIT = 1 << 22
"""What accumulators must stay below where two pixels share 64 bits."""

LARGEST_F = 22
"""(2 * zero_point + 1) << f must fit int32."""

_HALF = 1 << 30  # the multiplier of constant channels


@dataclass(frozen=True, eq=False)
class DspConstants:
    """bias int64[n] below the limit, f int64[n] in 0..22 and multiplier int64[n] of n channels.

    The weights of channels that are `fixed` bool[n] are to be replaced by zeros.
    """

    bias: Int64s
    f: Int64s
    multiplier: Int64s
    fixed: npt.NDArray[np.bool_]

    @property
    def words(self) -> Int64s:
        return self.bias * 256 + self.f


def dsp_constants(
    weighted: Weighted,
    weights: npt.NDArray[np.int8],
    limit: int = PAIR_LIMIT,
    fold: bool = True,
) -> DspConstants | None:
    """The constants of channels with `weights` int8[n, taps], None where the kernels cannot be
    exact: sums of `limit` and more, or scales of 1/2 (TWICE) or 1/4 (ONCE) and more.

    With `fold` a channel that has the same output for all inputs is fixed: it gets constants that
    yield this output without weights, whatever its bias and scale.
    """
    low, high = accumulators(weighted, weights)
    value = scaled(weighted.requantize, high)
    fixed = (value == scaled(weighted.requantize, low)) & fold
    scale, f = _scale(weighted)
    usable = (low > -limit) & (high < limit) & (f >= 0) & (scale < 1 << 31)
    usable &= np.abs(weighted.bias.astype(np.int64)) < limit
    # Beyond the largest f every sum below 2**23 rounds to 0.
    usable &= (f <= LARGEST_F) | (limit == PAIR_LIMIT)
    if not np.all(usable | fixed):
        return None
    vanishes = (f > LARGEST_F) | (scale == 0)
    unit = 8 if weighted.requantize.form is Form.ONCE else 4
    return DspConstants(
        np.where(fixed, unit * value, weighted.bias),
        np.where(fixed | vanishes, 0, f),
        np.where(fixed, _HALF, np.where(vanishes, 0, scale)),
        fixed,
    )


def _scale(weighted: Weighted) -> tuple[Int64s, Int64s]:
    """q and f of every channel; out of range where the form cannot express the scale."""
    requantize = weighted.requantize
    count = len(weighted.bias)
    multiplier = np.broadcast_to(requantize.multiplier.astype(np.int64), count)
    exponent = -np.broadcast_to(requantize.shift.astype(np.int64), count)
    least = 2 if requantize.form is Form.ONCE else 1
    # Only the single rounding is indifferent to a multiplier and an exponent raised together.
    raised = np.clip(least - exponent, 0, 31) if requantize.form is Form.ONCE else 0
    f = np.where(multiplier == 0, 0, exponent + raised - least)
    return np.where(multiplier == 0, 0, multiplier << raised), f


def pairs_fit(weights: npt.NDArray[np.int8]) -> bool:
    """Whether w_even + 256 * w_odd fits int16 for all pairs of channels int8[channels, taps].

    It always does for weights in -127..127.
    """
    even, odd = weights[0::2].astype(np.int32), weights[1::2].astype(np.int32)
    pairs = even[: len(odd)] + 256 * odd
    return bool(np.all(pairs >= -(1 << 15)))
