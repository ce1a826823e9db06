"""int8 weights and int32 biases of convolutions and linear layers.

Weights are symmetric per output channel, so zeros stay zeros. A channel whose weights are tiny
beside its bias or beside the output's step gets a larger scale than its weights ask for: the
multiplier s_in * s_w / s_out keeps its bits and the bias fits, at a cost far below one output step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Quantization, TensorType, Value
from edge.ir.types import Array
from edge.quantization.affine import SYMMETRIC_MAX, quantize_constant

SMALLEST_MULTIPLIER = 2.0**-14  # below it a 31-bit multiplier loses more than 2^-10 of a step
LARGEST_BIAS = 2.0**24  # in units of the accumulator
INT32_MAX = 2**31 - 1
NO_BIAS: Array = np.zeros(1, np.float32)


def channel_maxima(weight: Array, axis: int) -> npt.NDArray[np.float64]:
    """The largest magnitude of each output channel."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    return cast("npt.NDArray[np.float64]", np.abs(weight.astype(np.float64)).max(axis=others))


def weight_quantization(
    weight: Array, axis: int, bias: Array, in_scale: float, out_scale: float
) -> Quantization:
    """Symmetric per-channel scales, raised where the bias or the output's step ask for it."""
    scale = channel_maxima(weight, axis) / SYMMETRIC_MAX
    scale = np.maximum(scale, SMALLEST_MULTIPLIER * out_scale / in_scale)
    scale = np.maximum(scale, np.abs(bias.astype(np.float64)) / (in_scale * LARGEST_BIAS))
    return Quantization(tuple(scale.tolist()), (0,) * len(scale), axis)


def quantize_weight(name: str, weight: Array, quantization: Quantization) -> Value:
    return quantize_constant(name, weight, quantization, -SYMMETRIC_MAX, SYMMETRIC_MAX)


def scale_empty_channels(weight: Value, bias: Array, in_scale: float, out_scale: float) -> Value:
    """An int8 weight whose channels without a weight have a scale that fits their bias.

    Observers give such channels, which pruning makes, the smallest scale there is; any other says
    the same of zeros.
    """
    quantization, data = weight.type.quantization, weight.data
    if data is None or quantization is None or quantization.axis is None:
        return weight
    empty = channel_maxima(data, quantization.axis) == 0
    fitting = weight_quantization(
        np.zeros(data.shape, np.float32), quantization.axis, bias, in_scale, out_scale
    )
    scale = np.where(empty, np.maximum(fitting.scale, quantization.scale), quantization.scale)
    rescaled = replace(quantization, scale=tuple(scale.tolist()))
    return replace(weight, type=replace(weight.type, quantization=rescaled))


def quantize_bias(name: str, bias: Array, in_scale: float, weight: Quantization) -> Value:
    """int32 bias in units of the accumulator: round_half_even(bias / (s_in * s_w[c])).

    Raises OverflowError if a bias does not fit.
    """
    scale = in_scale * np.array(weight.scale, np.float64)
    stored = np.rint(bias.astype(np.float64) / scale)
    if np.abs(stored).max(initial=0) > INT32_MAX:
        channel = int(np.abs(stored).argmax())
        raise OverflowError(
            f"bias {float(bias[channel]):g} of channel {channel} is {stored[channel]:.3g} steps of "
            f"{float(scale[min(channel, len(scale) - 1)]):g}, more than int32 holds"
        )
    axis = 0 if len(scale) > 1 else None
    quantization = Quantization(tuple(scale.tolist()), (0,) * len(scale), axis)
    return Value(name, TensorType(bias.shape, DType.INT32, quantization), stored.astype(np.int32))
