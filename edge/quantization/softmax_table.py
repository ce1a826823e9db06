"""The exponential table of an int8 softmax; the rest of its arithmetic is the same in every mode.

For a vector x with maximum M, e[i] = table[M - x[i]] is exp(-(M - x[i]) * scale * beta) in Q31:

    sum = sum of rounding_shift(e[i], 12)                 12 integer bits, so at most 4095 classes
    z = leading zero bits of sum as uint32
    r = reciprocal_of_one_plus((sum << z) - 2**31)        sum = (1 + fraction) * 2**(31 - z)
    out[i] = clamp(rounding_shift(high_product(r, e[i]), 35 - z) - 128), or -128 if 35 - z > 31

as in LiteRT's reference kernel. The output scale is 1/256, the zero point -128.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.quantization.constants import per_tensor
from edge.quantization.fixed_point import INT32_MAX, Int64s, exp_of_negative, twice
from edge.quantization.requantize import normalized_multiplier

SUM_SHIFT = 12
MOST_CLASSES = 4095
OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1 / 256, -128

_DIFFERENCE_INTEGER_BITS = 5


def softmax_table(graph: Graph, node: Node) -> npt.NDArray[np.int32]:
    """int32[256]: exp of the distance to the maximum, in Q31; 0 where LiteRT drops the term.

    Raises EdgeError E0214 if the output is not quantized with scale 1/256 and zero point -128, or
    E0213 for more than 4095 classes, whose sum exceeds int32.
    """
    scale, _ = per_tensor(graph, node, node.inputs[0])
    _check_output(graph, node)
    exponent = scale * cast(float, attributes(node)["beta"])
    exact = graph.rounding is Rounding.SINGLE
    table = _exact_table(exponent) if exact else _litert_table(exponent)
    return table.astype(np.int32)


def _check_output(graph: Graph, node: Node) -> None:
    scale, zero_point = per_tensor(graph, node, node.output)
    if zero_point != OUTPUT_ZERO_POINT or abs(scale - OUTPUT_SCALE) > OUTPUT_SCALE / 1000:
        raise fail(
            "E0214",
            f"softmax: the output has scale {scale} and zero point {zero_point}",
            node.where,
            help=["an int8 softmax has the scale 1/256 and the zero point -128"],
        )
    classes = graph.type(node.output).shape[-1]
    if classes > MOST_CLASSES:
        raise fail("E0213", f"softmax: {classes} classes exceed {MOST_CLASSES}", node.where)


def _exact_table(exponent: float) -> Int64s:
    real = np.exp(-exponent * np.arange(256))
    return np.asarray(np.minimum(np.floor(real * 2.0**31 + 0.5), INT32_MAX), np.int64)


def _litert_table(exponent: float) -> Int64s:
    """Differences scaled to Q5.26; those beyond 31 are dropped."""
    fraction_bits = 31 - _DIFFERENCE_INTEGER_BITS
    scale = np.array([min(exponent * 2.0**fraction_bits, 2.0**31 - 1)])
    multiplier, shift = normalized_multiplier(scale)
    largest = 2.0**_DIFFERENCE_INTEGER_BITS - 1
    radius = np.floor(largest * 2.0**fraction_bits / 2.0 ** int(shift[0]))
    difference = np.arange(256, dtype=np.int64)
    kept = difference <= radius
    scaled = twice(np.where(kept, -difference, 0), multiplier, shift)
    return np.asarray(np.where(kept, exp_of_negative(scaled), 0), np.int64)
