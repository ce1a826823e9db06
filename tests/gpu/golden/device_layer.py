"""A golden weight as a layer of the device: int8 inputs with scale 1/32, int8 outputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Quantization, Rounding, TensorType, Value
from tests.emulators.dsp_graphs import one_node, tensor


def device_layer(
    numbers: npt.NDArray[np.int8], scale: npt.NDArray[np.float32], tokens: int, op: str = "linear"
) -> Graph:
    """x0 int8[tokens, in] to y int8[tokens, out]; weights are rounded once, a scale a row.

    op: "linear", or "conv2d" for the same layer as a pointwise convolution.
    """
    outputs, inputs = numbers.shape
    shape = (tokens, inputs) if op == "linear" else (1, 1, tokens, inputs)
    weight = numbers if op == "linear" else numbers.reshape(outputs, 1, 1, inputs)
    quantization = Quantization(tuple(map(float, scale)), (0,) * outputs, 0)
    constants = (
        Value("w", TensorType(weight.shape, DType.INT8, quantization), weight),
        Value("b", TensorType((outputs,), DType.INT32), np.arange(outputs, dtype=np.int32) - 3),
    )
    return one_node(
        op, (tensor(shape, 1 / 32, -3),), constants, (0.25, 5), {}, Rounding.SINGLE
    )  # fmt: skip
