"""Which requantization the kernels for the M-profile vector extension compute exactly.

They scale by multiplier * 2**-31 * 2**-e in one of three ways, described in edge/mve.h. Only the
single rounding without shifts has e = 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.quantization.requantize import Form, Requantize


def right_shifts(requantize: Requantize) -> npt.NDArray[np.int32] | None:
    """e of every channel, or of all if they share it; None if the kernels cannot be exact.

    A channel with the multiplier 0 gives the zero point with any shift.
    """
    vanishes = requantize.multiplier == 0
    right = np.where(vanishes, 1, -requantize.shift.astype(np.int32)).astype(np.int32)
    if np.all(right >= 1):
        return right
    if requantize.form is Form.ONCE and np.all(vanishes | (right == 0)):
        return np.zeros_like(right)
    return None
