"""Constants of a weighted operator in the layout that one kernel reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.constants import Weighted


@dataclass(frozen=True, eq=False)
class Packed:
    """What the pointers of edge_conv2d and edge_linear lead to.

    `weights` and `bias` in the kernel's own layout, multiplier int32[n], shift int8[n] with one
    entry a channel if `per_channel`.
    """

    weights: Array
    bias: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]
    per_channel: bool


def plain(weights: npt.NDArray[np.int8], weighted: Weighted) -> Packed:
    """The layout of the portable kernels: weights as in the graph, one constant a channel."""
    requantize = weighted.requantize
    return Packed(
        weights.reshape(-1),
        weighted.bias,
        requantize.multiplier,
        requantize.shift,
        requantize.multiplier.size > 1,
    )
