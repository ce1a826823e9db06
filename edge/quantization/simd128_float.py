"""Requantization in float32, as the WebAssembly SIMD kernels do it where that is proven exact:

    x = 2**8 * (accumulator without bias) + bias            int32
    y = float32(x) * scale + offset                         two roundings to float32
    out = clamp(bits of y - bits of 1.5 * 2**23)

`offset` is 1.5 * 2**23 plus an integer: there neighbouring float32 numbers are one apart, so the
addition rounds to an integer, whose value is the difference of the bits.

The proof. The requantization F of a channel is a step function of its accumulator that never falls.
So is the formula: converting to float32, multiplying by a positive number, adding and clamping keep
the order of their arguments. F has at most 255 steps. Two such functions are equal for all
accumulators if they are equal at the first and the last accumulator that can occur, at every step
of F, and just before every step: between two of these points F is constant, and the formula, which
has the same value at both of them, cannot leave it. `float_scale` looks at all of these points.

What there is to choose. For one scale the steps of F leave room for a shift of the accumulator by
about a hundredth, so eight fraction bits of `bias` place it. A bias that moves the outputs by m,
taken back by `offset`, rounds differently for every m, and m near the middle of the range keeps
products small. Where none of them is exact the scale is moved by an ulp.

Negative outputs of TWICE are rounded the other way, which moves their steps by more than there is
room: channels with outputs of both signs stay with `simd128_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.quantization.channels import accumulators, of_channels, scaled
from edge.quantization.constants import Weighted
from edge.quantization.fixed_point import Int64s
from edge.quantization.requantize import Doubles, Form, Requantize

FRACTION_BITS = 8
MAGIC = np.float32(1.5 * 2**23)
_MAGIC_BITS = int(MAGIC.view(np.int32))
_LARGEST = 2.0**21  # of the product: the sum stays where neighbours are one apart
_MOST_RIGHT = 22  # level * 2**(31 + right) fits int64
_MOVES = 33  # candidates m, of which the best few are tried
_TRIES = 24
_ULPS = (0, 1, -1)

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FloatScale:
    """Constants of n channels: bias int64[n], scale and offset float32[n], proven bool[n].

    Where `proven` is False the other values mean nothing.
    """

    bias: Int64s
    scale: Floats
    offset: Floats
    proven: Bools

    @property
    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return self.bias, self.scale, self.offset, self.proven

    def put(self, channels: Int64s, found: FloatScale) -> None:
        """Replace the constants of some channels."""
        for whole, part in zip(self._arrays, found._arrays, strict=True):
            whole[channels] = part

    @property
    def records(self) -> npt.NDArray[np.int32]:
        """int32[n / 4, 12]: bias, and the bits of scale and offset, of 4 channels."""
        lanes = (self.bias.astype(np.int32), self.scale.view(np.int32), self.offset.view(np.int32))
        return np.concatenate([x.reshape(-1, 4) for x in lanes], axis=1)


@dataclass(frozen=True, eq=False)
class _Steps:
    """Accumulators without bias, int64[n, points], and the stored outputs that F has there.

    `all_` bool[n]: whether these are all the points of the proof.
    """

    points: Int64s
    outputs: Int64s
    all_: Bools

    def of(self, channels: Int64s) -> _Steps:
        return _Steps(self.points[channels], self.outputs[channels], self.all_[channels])


def float_scale(weighted: Weighted, weights: npt.NDArray[np.int8], channels: Int64s) -> FloatScale:
    """The constants of `channels` of a layer with `weights` int8[all channels, taps]."""
    weighted = of_channels(weighted, channels)
    requantize, bias = weighted.requantize, weighted.bias.astype(np.int64)
    low, high = (bound[:, None] for bound in accumulators(weighted, weights[channels]))
    first = _first_accumulators(requantize)
    points = np.concatenate([first, first - 1, low, high], axis=1).clip(low, high)
    outputs = _stored(requantize, points)
    constant = outputs.min(axis=1) == outputs.max(axis=1)
    all_ = constant | (-requantize.shift.astype(np.int64) <= _MOST_RIGHT)
    scale = requantize.multiplier * 2.0 ** (requantize.shift.astype(np.float64) - 31)
    scale = np.where(constant, 0.0, scale)
    wanted = _room(requantize, scale, first, (low < first) & (first <= high))
    steps = _Steps(points - bias[:, None], outputs, all_)
    return _search(requantize, _candidates(requantize, scale, wanted + scale * bias, steps), steps)


def _levels(requantize: Requantize) -> Int64s:
    """Outputs, less the zero point, that are reached from below."""
    return np.arange(requantize.minimum + 1, requantize.maximum + 1) - requantize.zero_point


def _first_accumulators(requantize: Requantize) -> Int64s:
    """int64[n, levels] the smallest accumulator with at least that output, per `_levels`."""
    level = _levels(requantize)[None, :]
    right = np.minimum(-requantize.shift.astype(np.int64), _MOST_RIGHT)[:, None]
    multiplier = np.maximum(requantize.multiplier.astype(np.int64), 1)[:, None]
    twice = (right > 0) & (requantize.form is Form.TWICE)
    # The quotient by 2**31 that suffices; TWICE rounds it half away from zero.
    quotient = (level << right.clip(0)) - ((np.int64(1) << right.clip(0)) >> 1) + (level <= 0)
    once = (level << (31 + right)) - (np.int64(1) << (30 + right))
    least = np.where(twice, (quotient << 31) - (1 << 30), once)
    return np.asarray(-(-least // multiplier), np.int64)


def _stored(requantize: Requantize, accumulator: Int64s) -> Int64s:
    columns = replace(
        requantize,
        multiplier=requantize.multiplier[:, None],
        shift=requantize.shift[:, None],
    )
    return scaled(columns, accumulator) + requantize.zero_point


def _room(requantize: Requantize, scale: Doubles, first: Int64s, reached: Bools) -> Doubles:
    """float64[n] the middle of what may be added to acc * scale before it is rounded."""
    least = _levels(requantize) - 0.5 - scale[:, None] * first
    some = reached.any(axis=1)
    lowest = np.where(reached, least, -np.inf).max(axis=1, initial=-np.inf)
    highest = np.where(reached, least, np.inf).min(axis=1, initial=np.inf) + scale
    return np.where(some, lowest, 0.0) / 2 + np.where(some, highest, 0.0) / 2


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Scale float64[n] of the wide accumulator, and int64[n, tries] moves and their biases."""

    scale: Doubles
    moves: Int64s
    biases: Int64s


def _search(requantize: Requantize, candidates: _Candidates, steps: _Steps) -> FloatScale:
    """For every channel the first candidate that is equal at all points."""
    count = len(steps.points)
    found = FloatScale(
        np.zeros(count, np.int64), np.zeros(count, np.float32), np.full(count, MAGIC),
        np.zeros(count, np.bool_),
    )  # fmt: skip
    for attempt, ulps in product(range(candidates.moves.shape[1]), _ULPS):
        left = np.flatnonzero(~found.proven)
        if left.size == 0:
            break
        scale = _stepped(candidates.scale[left].astype(np.float32), ulps)
        level = candidates.moves[left, attempt] + requantize.zero_point
        bias = candidates.biases[left, attempt]
        offset = (MAGIC + level).astype(np.float32)
        exact = _equal(
            requantize, FloatScale(bias, scale, offset, steps.all_[left]), steps.of(left)
        )
        found.put(left, FloatScale(bias, scale, offset, exact))
    return found


def _stepped(scale: Floats, ulps: int) -> Floats:
    """The neighbour of positive numbers so many ulps away; 0 stays."""
    bits = np.where(scale > 0, scale.view(np.int32) + np.int32(ulps), np.int32(0))
    return bits.astype(np.int32).view(np.float32)


def _candidates(
    requantize: Requantize, scale: Doubles, wanted: Doubles, steps: _Steps
) -> _Candidates:
    """What makes product + move nearly acc * scale + wanted, best first; scale 0 is constant."""
    fine = scale * 2.0**-FRACTION_BITS
    middle = (requantize.minimum + requantize.maximum) // 2 - requantize.zero_point
    moves = np.arange(middle - _MOVES // 2, middle + _MOVES // 2 + 1)
    missing = wanted[:, None] - moves
    bias = np.rint(missing / np.where(fine > 0, fine, 1.0)[:, None]).clip(-(2.0**40), 2.0**40)
    best = np.argsort(np.abs(bias * fine[:, None] - missing), axis=1)[:, :_TRIES]
    constant = (scale == 0)[:, None]
    value = steps.outputs[:, :1] - requantize.zero_point
    biases = np.take_along_axis(bias, best, axis=1).astype(np.int64)
    return _Candidates(fine, np.where(constant, value, moves[best]), np.where(constant, 0, biases))


def _equal(requantize: Requantize, scale: FloatScale, steps: _Steps) -> Bools:
    """bool[n] whether the formula, in its own arithmetic and range, gives F at all points."""
    x = (steps.points << FRACTION_BITS) + scale.bias[:, None]
    product = x.astype(np.float32) * scale.scale[:, None]
    bits = (product + scale.offset[:, None]).view(np.int32).astype(np.int64)
    made = np.clip(bits - _MAGIC_BITS, requantize.minimum, requantize.maximum)
    fits = (np.abs(x) < 2**31) & (np.abs(product) < _LARGEST)
    return np.asarray(steps.all_ & (fits & (made == steps.outputs)).all(axis=1), np.bool_)
