"""Packers: for each kernel with weights, how they and their constants are laid out in flash."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.emit.packing import dsp
from edge.emit.packing.packed import Packed, plain
from edge.quantization.constants import Weighted

__all__ = ["PACKERS", "Packed"]

Packer = Callable[[npt.NDArray[np.int8], Weighted], Packed]

PACKERS: dict[str, Packer] = {
    "ref/conv2d_s8": plain,
    "ref/depthwise_conv2d_s8": plain,
    "ref/linear_s8": plain,
    "dsp/conv2d_s8": dsp.pack_conv2d,
    "dsp/conv2d_wide_s8": dsp.pack_conv2d_wide,
    "dsp/pointwise_conv2d_s8": dsp.pack_pointwise,
    "dsp/pointwise_conv2d_wide_s8": dsp.pack_pointwise_wide,
    "dsp/linear_s8": dsp.pack_linear,
    "dsp/depthwise_conv2d_s8": dsp.pack_depthwise,
}
