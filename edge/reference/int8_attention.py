"""int8 layer normalization and products of two activations."""

from __future__ import annotations

import numpy as np

from edge.ir.types import Array
from edge.quantization.fixed_point import Int64s
from edge.quantization.layer_norm import layer_norm as layer_norm_constants
from edge.quantization.layer_norm import normalized
from edge.quantization.matmul import matmul as matmul_constants
from edge.quantization.requantize import Requantize
from edge.reference.call import Call
from edge.reference.int8_dense import requantized


def layer_norm(call: Call) -> Array:
    """Over the last axis; the formula is in `edge.quantization.layer_norm`."""
    c = layer_norm_constants(call.graph, call.node)
    h = normalized(call.input(0).astype(np.int64), c)
    stored = (h * c.gain + c.offset) >> c.shift
    return np.asarray(np.clip(stored, c.minimum, c.maximum), np.int8)


def matmul(call: Call) -> Array:
    return requantized(*products(call))


def products(call: Call) -> tuple[Int64s, Requantize]:
    """The sums, and how they are stored; float64 is exact: they stay below 2**31."""
    c = matmul_constants(call.graph, call.node)
    a = call.input(0).astype(np.float64) - c.a_zero_point
    b = call.input(1).astype(np.float64) - c.b_zero_point
    if call.attrs["transpose_b"]:
        b = b.swapaxes(-1, -2)
    return (a @ b).astype(np.int64), c.requantize
