"""Arithmetic on exact rational numbers, the oracle of the `single` mode."""

from __future__ import annotations

import math
from fractions import Fraction


def half_up(value: Fraction) -> int:
    """The nearest integer; halves go up."""
    return math.floor(value + Fraction(1, 2))


def half_even(value: Fraction) -> int:
    """The nearest integer; halves go to the even one."""
    return round(value)


def half_away(value: Fraction) -> int:
    """The nearest integer; halves go away from zero."""
    return int(math.copysign(math.floor(abs(value) + Fraction(1, 2)), value))


def int8(value: int) -> int:
    return min(max(value, -128), 127)
