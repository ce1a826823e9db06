"""float32 multiply-add with one rounding, in numpy: what `fmaf` of C99 computes.

A product of two float32 is exact in float64. Its sum with a float32 is rounded there, and again to
float32; both together differ from one rounding only where the first lands on the middle between
two float32. There the sum is rounded to odd instead (Boldo and Melquiond, "Emulation of a FMA and
correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers
57, 2008), as runtime/include/edge/fma.h always does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_BELOW = np.uint64((1 << 29) - 1)  # bits of a float64 that a float32 has no place for
_MIDDLE = np.uint64(1 << 28)
_LEAST_NORMAL = float(np.finfo(np.float32).tiny)


def fma(a: Floats, b: Floats, c: Floats) -> Floats:
    """float32: a * b + c, rounded once to nearest even; operands broadcast."""
    product = np.multiply(a, b, dtype=np.float64)
    total = product + c
    with np.errstate(over="ignore"):
        made = total.astype(np.float32)
    doubtful = (total.view(np.uint64) & _BELOW) == _MIDDLE
    doubtful |= (np.abs(total) < _LEAST_NORMAL) & (total != 0)
    if doubtful.any():
        addend = np.broadcast_to(c, total.shape)[doubtful].astype(np.float64)
        product = np.broadcast_to(product, total.shape)[doubtful]
        made[doubtful] = _to_odd(product, addend, total[doubtful]).astype(np.float32)
    return np.asarray(made, np.float32)


def _to_odd(product: Doubles, addend: Doubles, total: Doubles) -> Doubles:
    """The sum rounded to odd: the neighbour on the side of the error where it is even."""
    moved = total - product  # Knuth's exact error of a sum
    error = (product - (total - moved)) + (addend - moved)
    bits = total.view(np.int64)
    away = np.where((error > 0) == (total > 0), 1, -1)
    odd = np.where((error != 0) & (bits & 1 == 0), bits + away, bits)
    return odd.view(np.float64)


def add_product(sums: Floats, a: Floats, b: Floats) -> None:
    """sums = fma(a, b, sums), in place."""
    np.copyto(sums, fma(a, b, sums))
