"""Fixed-point arithmetic on numpy integers, equal in every bit to edge/requantize.h.

All functions take and return int64 arrays that hold int32 values; products are exact in int64.
The exponential and the reciprocal follow the scheme of Jacob et al. 2018 (arXiv:1712.05877),
appendix A.1, with the constants that the LiteRT reference kernels use, because `tflite` graphs
must agree with them bit for bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Ints = npt.NDArray[np.integer] | int

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)

_EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8) in Q31
_THIRD = 715827883  # 1/3 in Q31
_EXP_POWERS = (  # (log2 of p, exp(-p) in Q31)
    (-2, 1672461947), (-1, 1302514674), (0, 790015084), (1, 290630308),
    (2, 39332535), (3, 720401), (4, 242),
)  # fmt: skip
_EXP_FRACTION_BITS = 26
_48_OVER_17 = 1515870810  # in Q29
_MINUS_32_OVER_17 = -1010580540  # in Q29
_HALF_SQRT_2 = 1518500250  # sqrt(2) / 2 in Q31


def rounding_shift(value: Int64s, right: Ints) -> Int64s:
    """value / 2**right, halves away from zero."""
    right = np.asarray(right, np.int64)
    result = value + ((np.int64(1) << right) >> 1)
    # Half of a negative number rounds down: one less before the shift, unless there is none.
    result += (value >> 63) if right.all() else (value >> 63) * (right > 0)
    result >>= right
    return result


def high_product(a: Int64s, b: Ints) -> Int64s:
    """a * b / 2**31, halves up: the product of a number and a Q31 fraction."""
    product = a * b
    product += 1 << 30
    product >>= 31
    return product


def once(value: Int64s, multiplier: Ints, shift: Ints) -> Int64s:
    """value * multiplier * 2**(shift - 31), rounded once, halves up."""
    right = 31 - np.asarray(shift, np.int64)
    product = value * multiplier
    product += np.int64(1) << (right - 1)
    product >>= right
    return product


def twice(value: Int64s, multiplier: Ints, shift: Ints) -> Int64s:
    """value * multiplier * 2**(shift - 31), rounded after the product and after the shift."""
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    shifted = value << left if left.any() else value
    return rounding_shift(high_product(shifted, multiplier), right)


def saturating_left(value: Int64s, left: int) -> Int64s:
    """value * 2**left, saturated to int32."""
    return np.asarray(np.clip(value << left, INT32_MIN, INT32_MAX), np.int64)


def exp_of_negative(value: Int64s) -> Int64s:
    """exp of Q5.26 numbers that are not positive, in Q31.

    The value modulo a quarter goes through a Taylor series around -1/8; each binary digit of the
    remaining multiple of a quarter contributes a constant factor.
    """
    quarter = 1 << (_EXP_FRACTION_BITS - 2)
    modulo = (value & (quarter - 1)) - quarter
    result = _exp_of_quarter(modulo << (31 - _EXP_FRACTION_BITS))
    remainder = modulo - value
    for power, factor in _EXP_POWERS:
        digit = (remainder >> (_EXP_FRACTION_BITS + power)) & 1
        result = np.where(digit == 1, high_product(result, factor), result)
    return np.where(value == 0, INT32_MAX, result)


def _exp_of_quarter(value: Int64s) -> Int64s:
    """exp on [-1/4, 0), Q31 in and out."""
    x = value + (1 << 28)
    x2 = high_product(x, x)
    x3, x4 = high_product(x2, x), high_product(x2, x2)
    tail = high_product(rounding_shift(x4, 2) + x3, _THIRD) + x2
    return _EXP_MINUS_EIGHTH + high_product(x + rounding_shift(tail, 1), _EXP_MINUS_EIGHTH)


def reciprocal_of_one_plus(value: Int64s) -> Int64s:
    """1 / (1 + value) for Q31 numbers in [0, 1), in Q31: three steps of Newton and Raphson."""
    half = (value + INT32_MAX + 1) >> 1
    x = _48_OVER_17 + high_product(half, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - high_product(half, x)
        x = x + saturating_left(high_product(x, error), 2)
    return saturating_left(x, 1)


def inverse_sqrt(value: int) -> tuple[int, int]:
    """1 / sqrt(value) as (multiplier, shift) = multiplier * 2**(shift - 31), for value >= 1.

    Five steps of Newton and Raphson on a number with three integer bits.
    """
    if value <= 1:
        return INT32_MAX, 0
    shift = 11
    while value >= 1 << 29:
        value, shift = value // 4, shift + 1
    pairs = (31 - value.bit_length()) // 2 - 1
    shift -= pairs
    root = _inverse_sqrt_q28(np.array(value << (2 * pairs), np.int64))
    return (root << max(-shift, 0), -max(shift, 0))


def _inverse_sqrt_q28(value: Int64s) -> int:
    number = value >> 1
    half, three_halves = rounding_shift(number, 1), (1 << 28) + (1 << 27)
    x = np.array(1 << 28, np.int64)
    for _ in range(5):
        cube = saturating_left(high_product(high_product(x, x), x), 6)
        step = high_product(x, three_halves) - high_product(half, cube)
        x = saturating_left(step, 3)
    return int(high_product(x, _HALF_SQRT_2))
