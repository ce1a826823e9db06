"""Fixed-point arithmetic against exact rational numbers and real functions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.quantization.fixed_point import (
    exp_of_negative,
    high_product,
    inverse_sqrt,
    once,
    reciprocal_of_one_plus,
    rounding_shift,
    twice,
)
from edge.quantization.requantize import (
    Form,
    Requantize,
    double_matched,
    fixed_multiplier,
    normalized_multiplier,
)
from tests.reference.exact import half_away, half_up

INT32 = st.integers(-(2**31), 2**31 - 1)
MULTIPLIER = st.integers(0, 2**31 - 1)
SCALE = st.floats(2.0**-31, 64.0)


def array(value: int) -> np.ndarray:
    return np.array(value, np.int64)


@given(INT32, MULTIPLIER, st.integers(-31, 30))
def test_once_rounds_the_exact_product_half_up(value: int, multiplier: int, shift: int) -> None:
    exact = Fraction(value * multiplier) * Fraction(2) ** (shift - 31)
    assert int(once(array(value), multiplier, shift)) == half_up(exact)


@given(INT32, MULTIPLIER, st.integers(-31, 0))
def test_twice_rounds_the_product_and_then_the_shift(
    value: int, multiplier: int, shift: int
) -> None:
    product = half_up(Fraction(value * multiplier, 2**31))
    expected = half_away(product * Fraction(2) ** shift)
    assert int(twice(array(value), multiplier, shift)) == expected


@given(st.integers(-(2**20), 2**20), MULTIPLIER, st.integers(0, 10))
def test_twice_shifts_left_before_the_product(value: int, multiplier: int, shift: int) -> None:
    expected = half_up(Fraction((value << shift) * multiplier, 2**31))
    assert int(twice(array(value), multiplier, shift)) == expected


@given(INT32, st.integers(0, 31))
def test_rounding_shift_takes_halves_away_from_zero(value: int, right: int) -> None:
    assert int(rounding_shift(array(value), right)) == half_away(Fraction(value, 2**right))


@given(st.integers(-(2**31) + 1, 2**31 - 1), INT32)
def test_high_product_is_the_doubled_upper_word(a: int, b: int) -> None:
    assert int(high_product(array(a), b)) == half_up(Fraction(a * b, 2**31))


@given(SCALE)
def test_the_normalized_multiplier_is_within_half_a_unit(scale: float) -> None:
    multiplier, shift = (int(part[0]) for part in normalized_multiplier(np.array([scale])))
    assert 2**30 <= multiplier < 2**31
    assert abs(Fraction(scale) / Fraction(2) ** (shift - 31) - multiplier) <= Fraction(1, 2) or (
        multiplier == 2**30
    )


@given(st.floats(0, 0.5, exclude_max=True))
def test_the_fixed_multiplier_of_small_scales_has_no_shift(scale: float) -> None:
    multiplier, shift = (int(part[0]) for part in fixed_multiplier(np.array([scale])))
    assert (multiplier, shift) == (half_up(Fraction(scale) * 2**31), 0)


@given(st.floats(0.5, 1000))
def test_the_fixed_multiplier_of_large_scales_shifts_left(scale: float) -> None:
    fixed, normalized = (f(np.array([scale])) for f in (fixed_multiplier, normalized_multiplier))
    assert [int(part[0]) for part in fixed] == [int(part[0]) for part in normalized]
    assert int(fixed[1][0]) >= 0


def test_scales_that_vanish_become_zero() -> None:
    multiplier, shift = normalized_multiplier(np.array([0.0, 1e-30, 2.0**-34]))
    assert not multiplier.any()
    assert not shift.any()


def test_the_exponential_is_accurate_far_beyond_eight_bits() -> None:
    x = -np.linspace(0, 31.99, 20001)
    raw = np.round(x * 2**26).astype(np.int64)
    assert np.abs(exp_of_negative(raw) / 2**31 - np.exp(raw / 2**26)).max() < 3e-7


def test_the_reciprocal_is_accurate_to_one_in_a_hundred_million() -> None:
    raw = np.linspace(0, 2**31 - 1, 20001).astype(np.int64)
    assert np.abs(reciprocal_of_one_plus(raw) / 2**31 - 1 / (1 + raw / 2**31)).max() < 1e-8


@pytest.mark.parametrize("value", [1, 2, 3, 17, 255, 4096, 123456789, 2**31 - 1])
def test_the_inverse_square_root(value: int) -> None:
    multiplier, shift = inverse_sqrt(value)
    assert multiplier * 2.0 ** (shift - 31) == pytest.approx(1 / math.sqrt(value), rel=2e-6)


@pytest.mark.parametrize("seed", range(12))
def test_matched_multipliers_reproduce_products_in_double(seed: int) -> None:
    """Every accumulator whose output does not saturate, for random scales and powers of two."""
    rng = np.random.default_rng(seed)
    scale = 2.0**-seed if seed % 2 else float(2.0 ** rng.uniform(-12, -1))
    reach = min(int(256 / scale), 2**19)
    accumulator = np.arange(-reach, reach + 1, dtype=np.int64)
    blank = Requantize(np.zeros(1, np.int32), np.zeros(1, np.int8), Form.ONCE, 0)
    matched = double_matched(blank, np.array([scale]), np.array([float(reach)]))
    product = accumulator * scale
    expected = np.copysign(np.floor(np.abs(product) + 0.5), product).astype(np.int64)
    actual = once(accumulator, matched.multiplier[0], matched.shift[0])
    np.testing.assert_array_equal(actual, expected)
