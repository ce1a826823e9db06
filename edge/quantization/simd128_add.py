"""Addition of int8 tensors with one rounding in place of three.

TWICE scales both operands and the sum with a rounding of its own; ONCE adds two integer products
and shifts. There are only 65,536 pairs of inputs: constants for ONCE are taken if they give the
outputs of TWICE for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edge.quantization.constants import Add, Form, Operand
from edge.quantization.fixed_point import INT32_MAX, Int64s, twice

_FRACTION_BITS = 20  # of the operands, TWICE
_MOST_BITS = 30  # a rounding shift of int32
_FARTHEST = 3  # units that a multiplier may be off its nearest value
_INPUTS = np.arange(-128, 128, dtype=np.int64)


def quickest_add(add: Add) -> Add:
    """The addition in the form ONCE where that is the same for all inputs, else as it is."""
    if add.form is Form.ONCE:
        return add
    wanted = outputs(add)
    return next(
        (found for found in _candidates(add) if np.array_equal(outputs(found), wanted)), add
    )


def outputs(add: Add) -> Int64s:
    """int64[256, 256] what the kernels store for all pairs of inputs from -128 to 127."""
    a, b = _scaled(add, add.a)[:, None], _scaled(add, add.b)[None, :]
    total = a - b if add.subtract else a + b
    if add.form is Form.ONCE:
        scaled = (total + (np.int64(1) << (add.out_shift - 1))) >> np.int64(add.out_shift)
    else:
        scaled = twice(total, add.out_multiplier, add.out_shift)
    return np.asarray(np.clip(scaled + add.zero_point, add.minimum, add.maximum), np.int64)


def _scaled(add: Add, operand: Operand) -> Int64s:
    x = _INPUTS - operand.zero_point
    if add.form is Form.ONCE:
        return x * operand.multiplier
    return twice(x << _FRACTION_BITS, operand.multiplier, operand.shift)


def _candidates(add: Add) -> Iterator[Add]:
    """Additions in the form ONCE, multipliers near the exact ratios of the scales."""
    out = math.ldexp(add.out_multiplier, add.out_shift - 31 + _FRACTION_BITS)
    ratios = [out * math.ldexp(x.multiplier, x.shift - 31) for x in (add.a, add.b)]
    largest = sum(255 * abs(ratio) for ratio in ratios) + 2
    bits = min(math.floor(math.log2(INT32_MAX / largest)), _MOST_BITS)
    if bits < 1:
        return
    a, b = (round(math.ldexp(ratio, bits)) for ratio in ratios)
    steps = sorted(range(-_FARTHEST, _FARTHEST + 1), key=abs)
    for i, j in ((i, j) for i in steps for j in steps):
        if 255 * (abs(a + i) + abs(b + j)) + (1 << (bits - 1)) <= INT32_MAX:
            yield replace(
                add, a=Operand(a + i, 0, add.a.zero_point), b=Operand(b + j, 0, add.b.zero_point),
                out_multiplier=0, out_shift=bits, form=Form.ONCE,
            )  # fmt: skip
