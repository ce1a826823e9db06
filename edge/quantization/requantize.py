"""Multipliers and shifts that stand for a real scale in integer arithmetic."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge.quantization.fixed_point import once

Doubles = npt.NDArray[np.float64]
Multipliers = tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]

INT8_MIN, INT8_MAX = -128, 127


class Form(enum.StrEnum):
    """Requantization arithmetic of one operator; edge_rounding in the C runtime."""

    ONCE = "once"
    TWICE = "twice"


@dataclass(frozen=True, eq=False)
class Requantize:
    """int32 accumulator to int8: scale by multiplier * 2**(shift - 31), add zero_point, clamp.

    multiplier int32[n], shift int8[n] with n the channels, or 1 for all. See
    `fixed_point.once` and `fixed_point.twice` for the two forms.
    """

    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]
    form: Form
    zero_point: int
    minimum: int = INT8_MIN
    maximum: int = INT8_MAX


def normalized_multiplier(scale: Doubles) -> Multipliers:
    """scale ~ multiplier * 2**(shift - 31) with multiplier in [2**30, 2**31).

    Scales below 2**-32 become 0. Jacob et al. 2018 (arXiv:1712.05877), section 2.2.
    """
    fraction, exponent = np.frexp(scale)
    multiplier = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    carry = multiplier == 1 << 31
    multiplier, exponent = np.where(carry, multiplier >> 1, multiplier), exponent + carry
    vanishes = (exponent < -31) | (multiplier == 0)
    return (
        np.where(vanishes, 0, multiplier).astype(np.int32),
        np.where(vanishes, 0, np.minimum(exponent, 127)).astype(np.int8),
    )


def fixed_multiplier(scale: Doubles) -> Multipliers:
    """multiplier = floor(scale * 2**31 + 0.5), shift 0, for scales below 1/2.

    Larger scales get the normalized multiplier and a shift that is not negative.
    """
    multiplier, shift = normalized_multiplier(scale)
    small = scale < 0.5
    fixed = np.floor(np.where(small, scale, 0.0) * 2.0**31 + 0.5).astype(np.int32)
    return np.where(small, fixed, multiplier), np.where(small, 0, shift).astype(np.int8)


_LEVELS = np.arange(-255, 256, dtype=np.int64)


def double_matched(requantize: Requantize, scale: Doubles, bound: Doubles) -> Requantize:
    """`requantize` with normalized multipliers that reproduce a product made in double.

    LiteRT's reference FULLY_CONNECTED computes round(double(acc) * scale), halves away from zero.
    As the output has at most 256 levels, agreement for all |acc| <= bound means that each level
    starts at the same accumulator. The nearest multiplier agrees almost always; where a level
    starts exactly on a half, or within 2**-32 of one, a neighbouring multiplier does. The one with
    the fewest disagreements is taken: none for scales above 2**-12; below, a few accumulators
    among millions may come out one level off.
    """
    multiplier, shift = normalized_multiplier(scale)
    starts = _level_starts(scale)
    reachable = np.abs(starts) <= bound[:, None]
    best = multiplier.astype(np.int64)
    fewest = _disagreements(starts, reachable, best, shift)
    for step in (1, -1, 2, -2, 3, -3):
        if not fewest.any():
            break
        candidate = np.clip(multiplier.astype(np.int64) + step, 0, 2**31 - 1)
        wrong = _disagreements(starts, reachable, candidate, shift)
        best, fewest = np.where(wrong < fewest, candidate, best), np.minimum(wrong, fewest)
    return replace(requantize, multiplier=best.astype(np.int32), shift=shift)


def _level_starts(scale: Doubles) -> npt.NDArray[np.int64]:
    """[n, levels] the smallest accumulator that double arithmetic rounds to at least the level."""
    halves = _LEVELS - 0.5
    safe = np.where(scale > 0, scale, 1.0)[:, None]
    guess = np.clip(np.ceil(halves / safe), -(2.0**40), 2.0**40)
    first = np.full(guess.shape, 1 << 41, np.int64)
    for step in (2, 1, 0, -1, -2):
        accumulator = guess + step
        value = accumulator * safe
        reached = np.where(_LEVELS > 0, value >= halves, value > halves)
        first = np.where(reached, accumulator.astype(np.int64), first)
    return first


def _disagreements(
    starts: npt.NDArray[np.int64],
    reachable: npt.NDArray[np.bool_],
    multiplier: npt.NDArray[np.int64],
    shift: npt.NDArray[np.int8],
) -> npt.NDArray[np.int64]:
    """[n] reachable levels that start at another accumulator in integer arithmetic."""
    start = np.where(reachable, starts, 0)
    columns = multiplier[:, None], shift[:, None]
    agrees = (once(start, *columns) >= _LEVELS) & (once(start - 1, *columns) < _LEVELS)
    return np.asarray(np.sum(reachable & ~agrees, axis=1), np.int64)
