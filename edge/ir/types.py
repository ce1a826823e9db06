"""Tensor types: shape, element type and affine quantization."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]


class DType(enum.StrEnum):
    """Element type of a tensor."""

    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    BOOL = "bool"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        return np.dtype(self.value)

    @property
    def itemsize(self) -> int:
        return self.numpy.itemsize


class Rounding(enum.StrEnum):
    """The arithmetic of a whole graph, chosen once at import.

    tflite: two roundings as in the LiteRT reference kernels, FULLY_CONNECTED rounded once;
    tflm:   as tflite, but FULLY_CONNECTED rounded twice as TensorFlow Lite Micro does;
    single: one rounding with a 31-bit multiplier and no shift;
    float:  no requantization: float32 operators, every sum in the order of the float kernels;
    float_fused: as float, but convolutions, linear layers and matmul add their products unrounded
            (one rounding a step, fmaf), which is a single instruction on most machines.
    """

    TFLITE = "tflite"
    TFLM = "tflm"
    SINGLE = "single"
    FLOAT = "float"
    FLOAT_FUSED = "float_fused"


FLOAT_ROUNDINGS = (Rounding.FLOAT, Rounding.FLOAT_FUSED)
INTEGER_ROUNDINGS = (Rounding.TFLITE, Rounding.TFLM, Rounding.SINGLE)


@dataclass(frozen=True)
class Quantization:
    """Affine quantization: real = scale * (stored - zero_point).

    One scale and zero point for the tensor, or one per index of `axis`. `seven_bits` tensors store
    0..127 alone, whatever their element type could hold.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None
    seven_bits: bool = False

    def __post_init__(self) -> None:
        if not self.scale or len(self.scale) != len(self.zero_point):
            raise ValueError(f"{len(self.scale)} scales but {len(self.zero_point)} zero points")
        if self.axis is None and len(self.scale) != 1:
            raise ValueError(f"{len(self.scale)} scales need an axis")
        bad = [s for s in self.scale if not (math.isfinite(s) and s >= 0)]
        if bad:
            raise ValueError(f"scale {bad[0]!r} is not a finite non-negative number")

    @staticmethod
    def per_tensor(scale: float, zero_point: int, *, seven_bits: bool = False) -> Quantization:
        return Quantization((float(scale),), (int(zero_point),), seven_bits=seven_bits)

    @property
    def is_per_tensor(self) -> bool:
        return len(self.scale) == 1


@dataclass(frozen=True)
class TensorType:
    """Shape, element type and, for quantized tensors, the quantization."""

    shape: tuple[int, ...]
    dtype: DType
    quantization: Quantization | None = None

    @cached_property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.elements * self.dtype.itemsize

    @property
    def is_quantized(self) -> bool:
        return self.quantization is not None and self.dtype is not DType.FLOAT32
