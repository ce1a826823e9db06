"""Choosing and reordering the channels of a value, with the scales that belong to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.ir import Quantization, Value
from edge.ir.types import Array


def take_channels(value: Value, index: npt.NDArray[np.intp], axis: int) -> Value:
    """A value with these channels along an axis, in this order; per-channel scales go with them."""
    tensor, axis = value.type, axis % len(value.type.shape)
    shape = (*tensor.shape[:axis], len(index), *tensor.shape[axis + 1 :])
    quantization = tensor.quantization
    if quantization and quantization.axis == axis and not quantization.is_per_tensor:
        quantization = Quantization(
            tuple(quantization.scale[i] for i in index),
            tuple(quantization.zero_point[i] for i in index),
            axis,
        )
    data: Array | None = None if value.data is None else np.take(value.data, index, axis)
    return Value(value.name, replace(tensor, shape=shape, quantization=quantization), data)
