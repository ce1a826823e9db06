"""The integer constants of quantized operators, computed once, in double, from scales.

The numpy reference and the C emitter both take their constants from here, so rounding of
constants happens in one place. `Graph.rounding` selects the arithmetic:
`single` uses one rounding with a 31-bit multiplier and shift 0 ("once"); `tflite` uses the
normalized multiplier and two roundings ("twice"), except for `linear`, which LiteRT rounds once
and TensorFlow Lite Micro (`tflm`) twice.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


class Form(enum.StrEnum):
    """Requantization arithmetic of one operator; edge_rounding in the C runtime."""

    ONCE = "once"
    TWICE = "twice"


@dataclass(frozen=True, eq=False)
class Requantize:
    """int32 accumulator to int8: scale by multiplier * 2**(shift - 31), add zero_point, clamp.

    multiplier int32[n], shift int8[n] with n the channels, or 1 for all.
    """

    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]
    form: Form
    zero_point: int
    minimum: int = -128
    maximum: int = 127
