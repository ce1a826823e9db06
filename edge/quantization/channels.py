"""What the channels of a weighted operator can sum up to, and what they make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.quantization.constants import Weighted
from edge.quantization.fixed_point import Int64s, once, twice
from edge.quantization.requantize import INT8_MAX, INT8_MIN, Form, Requantize


def of_channels(weighted: Weighted, channels: Int64s) -> Weighted:
    """The constants of some channels, one multiplier and shift each."""
    requantize, count = weighted.requantize, len(weighted.bias)
    multiplier = np.broadcast_to(requantize.multiplier, count)[channels]
    shift = np.broadcast_to(requantize.shift, count)[channels]
    scale = replace(requantize, multiplier=multiplier, shift=shift)
    return replace(weighted, requantize=scale, bias=weighted.bias[channels])


def accumulators(weighted: Weighted, weights: npt.NDArray[np.int8]) -> tuple[Int64s, Int64s]:
    """int64[n] the smallest and the largest accumulator of channels with weights int8[n, taps]."""
    wide, bias = weights.astype(np.int64), weighted.bias.astype(np.int64)
    plus, minus = wide.clip(min=0).sum(axis=1), wide.clip(max=0).sum(axis=1)
    return (
        bias + INT8_MIN * plus + INT8_MAX * minus,
        bias + INT8_MAX * plus + INT8_MIN * minus,
    )


def scaled(requantize: Requantize, accumulator: Int64s) -> Int64s:
    """Outputs before the zero point is added; multiplier and shift broadcast to accumulators."""
    arithmetic = once if requantize.form is Form.ONCE else twice
    product = arithmetic(accumulator, requantize.multiplier, requantize.shift)
    zero = requantize.zero_point
    return np.asarray(
        np.clip(product, requantize.minimum - zero, requantize.maximum - zero), np.int64
    )
