"""Affine quantization of arrays: ranges to scales, reals to stored integers and back.

Scales of activations are rounded to float32, the type in which the generated code divides, so that
Python and C quantize an input alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Quantization, TensorType, Value
from edge.ir.types import Array

Doubles = npt.NDArray[np.float64]

INT8_MIN, INT8_MAX = -128, 127
SYMMETRIC_MAX = 127
SMALLEST_RANGE = (
    2.0**-64
)  # below it a range is taken for a constant: products of scales stay normal
DEFAULT_RANGE = 1.0


def is_degenerate(low: float, high: float) -> bool:
    """Whether a range is too narrow to derive a scale from."""
    return max(high, 0.0) - min(low, 0.0) < SMALLEST_RANGE


def from_range(low: float, high: float, *, seven_bits: bool = False) -> Quantization:
    """int8 quantization of [low, high], widened to hold zero, which is represented exactly.

    A range that starts at zero gets the smallest stored value, -128 or of seven bits 0, as zero
    point, so that a fused relu needs no clamp. A degenerate range is replaced by [0, 1].
    """
    lowest = 0 if seven_bits else INT8_MIN
    if is_degenerate(low, high):
        low, high = 0.0, DEFAULT_RANGE
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / (INT8_MAX - lowest)))
    zero_point = min(max(round(lowest - low / scale), lowest), INT8_MAX)
    return Quantization.per_tensor(scale, zero_point, seven_bits=seven_bits)


def along_axis(quantization: Quantization, rank: int) -> tuple[Doubles, Doubles]:
    """Scale and zero point as float64 arrays that broadcast against a tensor of that rank."""
    shape = [1] * rank
    if not quantization.is_per_tensor:
        shape[quantization.axis or 0] = -1
    scale = np.array(quantization.scale, np.float64).reshape(shape)
    return scale, np.array(quantization.zero_point, np.float64).reshape(shape)


def quantize_constant(
    name: str, data: Array, quantization: Quantization, low: int = INT8_MIN, high: int = INT8_MAX
) -> Value:
    """An int8 constant: clamp(round_half_even(data / scale) + zero_point), in double."""
    scale, zero_point = along_axis(quantization, data.ndim)
    stored = np.clip(np.rint(data.astype(np.float64) / scale) + zero_point, low, high).astype(
        np.int8
    )
    return Value(name, TensorType(data.shape, DType.INT8, quantization), stored)


def quantize_wide_constant(name: str, data: Array, quantization: Quantization) -> Value:
    """An int16 constant, like `quantize_constant`."""
    scale, zero_point = along_axis(quantization, data.ndim)
    limits = np.iinfo(np.int16)
    stored = np.rint(data.astype(np.float64) / scale) + zero_point
    clipped = np.clip(stored, limits.min, limits.max).astype(np.int16)
    return Value(name, TensorType(data.shape, DType.INT16, quantization), clipped)


def quantize_activation(x: Array, quantization: Quantization) -> npt.NDArray[np.int8]:
    """Stored int8 of a float32 tensor, divided in float32 as the `quantize` operator does."""
    scale, zero_point = np.float32(quantization.scale[0]), quantization.zero_point[0]
    stored = np.rint(x.astype(np.float32) / scale) + np.float32(zero_point)
    clipped: npt.NDArray[np.int8] = np.clip(stored, INT8_MIN, INT8_MAX).astype(np.int8)
    return clipped


def dequantize(stored: Array, quantization: Quantization) -> npt.NDArray[np.float32]:
    """float32 values of stored integers."""
    scale, zero_point = along_axis(quantization, stored.ndim)
    return ((stored.astype(np.float64) - zero_point) * scale).astype(np.float32)
