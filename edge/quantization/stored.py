"""Stored int8 values: the quantization of tensors, bounds of activations, requantized sums."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from edge.errors import fail
from edge.ir import DType, Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.quantization.requantize import (
    INT8_MAX,
    INT8_MIN,
    Doubles,
    Form,
    Requantize,
    fixed_multiplier,
    normalized_multiplier,
)

INT32_END = 2.0**31
_FAR_OUTSIDE = 1e6


def per_tensor(graph: Graph, node: Node, name: str) -> tuple[float, int]:
    """Scale and zero point of an int8 tensor. Raises EdgeError E0210 if it has no usable ones."""
    tensor = graph.type(name)
    quantization = tensor.quantization
    if tensor.dtype is not DType.INT8 or quantization is None or not quantization.is_per_tensor:
        raise fail("E0210", f"{node.op}: {name} is not an int8 tensor with one scale", node.where)
    scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    if scale <= 0:
        raise fail(
            "E0210", f"{node.op}: {name} has the scale {scale}", node.where,
            help=["calibrate with data that reaches this tensor"],
        )  # fmt: skip
    if not INT8_MIN <= zero_point <= INT8_MAX:
        raise fail("E0210", f"{node.op}: {name} has the zero point {zero_point}", node.where)
    return scale, zero_point


def default_form(rounding: Rounding) -> Form:
    return Form.ONCE if rounding is Rounding.SINGLE else Form.TWICE


def activation_range(graph: Graph, node: Node) -> tuple[int, int]:
    """Smallest and largest stored output, with the fused activation taken into account."""
    scale, zero_point = per_tensor(graph, node, node.output)
    activation = str(attributes(node).get("activation", "none"))
    low, high = quantized_bounds(activation, scale, zero_point)
    lowest = lowest_stored(graph, node.output)
    return max(low, lowest), max(high, lowest)


def lowest_stored(graph: Graph, name: str) -> int:
    """The smallest value that an int8 tensor may hold."""
    quantization = graph.type(name).quantization
    return 0 if quantization is not None and quantization.seven_bits else INT8_MIN


def quantized_bounds(activation: str, scale: float, zero_point: int) -> tuple[int, int]:
    """The stored int8 range of an activation's output.

    Bounds are quantized in float32 with halves away from zero, as LiteRT does.
    """
    low, high = _ACTIVATION_BOUNDS[activation]
    stored_low = INT8_MIN if low is None else zero_point + _stored(low, scale)
    stored_high = INT8_MAX if high is None else zero_point + _stored(high, scale)
    return max(INT8_MIN, min(stored_low, INT8_MAX)), min(INT8_MAX, max(stored_high, INT8_MIN))


_ACTIVATION_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None),
    "relu": (0.0, None),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}


def _stored(value: float, scale: float) -> int:
    ratio = float(np.float32(value) / np.float32(scale))
    magnitude = min(abs(ratio), _FAR_OUTSIDE)  # a pad before max_pool2d may be infinite
    return int(math.copysign(math.floor(magnitude + 0.5), ratio))


def requantize_for(
    graph: Graph, node: Node, scale: Doubles, bound: Doubles, form: Form | None = None
) -> Requantize:
    """How accumulators of `node`, of at most `bound`, become its int8 output.

    `scale` float64[n] is the value of one accumulator unit in units of the output scale. The form
    is the graph's unless given. Raises EdgeError E0211 if a scaled accumulator exceeds int32.
    """
    form = form or default_form(graph.rounding)
    multiplier, shift = (fixed_multiplier if form is Form.ONCE else normalized_multiplier)(scale)
    zero_point = per_tensor(graph, node, node.output)[1]
    result = Requantize(multiplier, shift, form, zero_point, *activation_range(graph, node))
    _check_scaled(node, scale, bound, result)
    return result


def _check_scaled(node: Node, scale: Doubles, bound: Doubles, requantize: Requantize) -> None:
    left = np.maximum(requantize.shift.astype(np.float64), 0.0)
    largest = bound * (np.exp2(left) if requantize.form is Form.TWICE else scale)
    if np.any(np.maximum(largest, bound * scale + 256) >= INT32_END) or np.any(left > 30):
        raise fail(
            "E0211",
            f"{node.op}: sums of up to {np.max(bound):.0f} do not fit int32 once scaled by"
            f" {np.max(scale):.3g}",
            node.where,
            notes=["the output scale is far too small for the range of the sums"],
        )


def pad_value(graph: Graph, node: Node) -> int:
    """The stored value that an int8 `pad` writes around its input."""
    scale, zero_point = per_tensor(graph, node, node.output)
    value = cast(float, attributes(node)["value"])
    return min(max(zero_point + _stored(value, scale), INT8_MIN), INT8_MAX)
