"""The integer constants of quantized operators, computed once, in double, from scales.

The numpy reference and the C emitter both take their constants from here, so rounding of
constants happens in one place. `Graph.rounding` selects the arithmetic:
`single` uses one rounding with a 31-bit multiplier and shift 0 ("once"); `tflite` uses the
normalized multiplier and two roundings ("twice"), except for `linear`, which LiteRT rounds once
and TensorFlow Lite Micro (`tflm`) twice.

Softmax, resize and unary functions have modules of their own: `softmax_table`, `resize_tables`,
`activation_tables`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import DType, Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.ir.shapes import ints
from edge.quantization.requantize import (
    Doubles,
    Form,
    Requantize,
    double_matched,
    normalized_multiplier,
)
from edge.quantization.stored import (
    INT32_END,
    activation_range,
    default_form,
    pad_value,
    per_tensor,
    quantized_bounds,
    requantize_for,
)

__all__ = [
    "Add", "Affine", "AvgPool", "Form", "Mean", "Mul", "Operand", "Requantize", "Rescale",
    "Weighted", "activation_range", "add", "affine", "avg_pool", "mean", "mul", "pad_value",
    "per_tensor", "quantized_bounds", "requantize_for", "rescale", "weighted",
]  # fmt: skip

WEIGHT_AXIS = {"conv2d": 0, "conv_transpose2d": 0, "depthwise_conv2d": 3, "linear": 0}
"""The output channel axis of the weight of each weighted operator."""

_ADD_BITS = 20


@dataclass(frozen=True, eq=False)
class Weighted:
    """conv2d, depthwise_conv2d, linear: requantized bias + sum of x * w.

    bias int32[out_channels] = bias of the model - in_zero_point * sum of the channel's weights.
    Padded positions hold in_zero_point. conv_transpose2d sums (x - in_zero_point) * w and keeps the
    bias of the model, because outputs differ in the weights that reach them.
    """

    requantize: Requantize
    bias: npt.NDArray[np.int32]
    in_zero_point: int


@dataclass(frozen=True, eq=False)
class AvgPool:
    """avg_pool2d over the `count` positions inside the input.

    ONCE: requantized sum(x) - count * in_zero_point with entry count - 1, or the only entry when
    there is no padding. TWICE: clamp(sum(x) / count), halves away from zero; multipliers unused.
    """

    requantize: Requantize
    in_zero_point: int


@dataclass(frozen=True, eq=False)
class Mean:
    """mean over `positions` values: requantized sum(x) + bias."""

    requantize: Requantize
    bias: int
    positions: int


@dataclass(frozen=True)
class Operand:
    """One operand of add: (x - zero_point) scaled by multiplier and shift."""

    multiplier: int
    shift: int
    zero_point: int


@dataclass(frozen=True)
class Add:
    """add and sub: t = a' + b', or a' - b' if `subtract`; out = clamp(scaled t + zero_point).

    TWICE: x' = twice((x - zero_point) << 20, multiplier, shift);
           scaled t = twice(t, out_multiplier, out_shift).
    ONCE:  x' = (x - zero_point) * multiplier, the scale ratio with out_shift fraction bits;
           scaled t = (t + 2**(out_shift - 1)) >> out_shift.
    All of it fits int32.
    """

    a: Operand
    b: Operand
    subtract: bool
    out_multiplier: int
    out_shift: int
    form: Form
    zero_point: int
    minimum: int
    maximum: int


@dataclass(frozen=True, eq=False)
class Mul:
    """mul: requantized (a - a_zero_point) * (b - b_zero_point)."""

    requantize: Requantize
    a_zero_point: int
    b_zero_point: int


@dataclass(frozen=True, eq=False)
class Rescale:
    """requantize: requantized x - in_zero_point."""

    requantize: Requantize
    in_zero_point: int


@dataclass(frozen=True)
class Affine:
    """quantize: clamp(round(x / scale) + zero_point); dequantize: (x - zero_point) * scale.

    `scale` is a float32 value; halves round to even in ONCE, away from zero in TWICE.
    """

    scale: float
    zero_point: int
    form: Form


def weighted(graph: Graph, node: Node) -> Weighted:
    """Constants of conv2d, depthwise_conv2d, conv_transpose2d and linear.

    Scale of an accumulator: in_scale * weight_scale[c] / out_scale, in double. Raises EdgeError
    E0210 for unusable quantization, E0212 for asymmetric weights, E0213 if a sum could exceed
    int32: |bias| + 128 * sum|w| (conv_transpose2d: 255) must stay below 2**31, which makes every
    order of addition safe.
    """
    in_scale, in_zero_point = per_tensor(graph, node, node.inputs[0])
    out_scale, _ = per_tensor(graph, node, node.output)
    sums, absolute = _weight_sums(graph, node)
    bias = np.zeros(len(sums), np.int64)
    if len(node.inputs) > 2 and node.inputs[2]:
        bias += graph.constant(node.inputs[2]).astype(np.int64)
    if node.op == "conv_transpose2d":
        bound = np.abs(bias).astype(np.float64) + 255.0 * absolute
    else:
        bias -= in_zero_point * sums
        bound = np.abs(bias).astype(np.float64) + 128.0 * absolute
    _check_accumulator(node, bound)
    weight_scale = _weight_scales(graph, node)
    bound = bound if len(weight_scale) > 1 else np.max(bound, keepdims=True)
    requantize = _weighted_requantize(graph, node, (in_scale, weight_scale, out_scale), bound)
    return Weighted(requantize, bias.astype(np.int32), in_zero_point)


def _weighted_requantize(
    graph: Graph, node: Node, scales: tuple[float, Doubles, float], bound: Doubles
) -> Requantize:
    in_scale, weight_scale, out_scale = scales
    scale = in_scale * weight_scale / out_scale
    if node.op == "linear" and graph.rounding is Rounding.TFLITE:
        # LiteRT multiplies the sum by `scale` in double and rounds halves away from zero.
        once = requantize_for(graph, node, scale, bound, Form.ONCE)
        return double_matched(once, scale, bound)
    if node.op == "linear" and graph.rounding is Rounding.TFLM and len(weight_scale) == 1:
        # Only here the product of the scales is made in float32.
        product = np.float32(in_scale) * weight_scale.astype(np.float32)
        scale = product.astype(np.float64) / out_scale
    return requantize_for(graph, node, scale, bound)


def _weight_sums(graph: Graph, node: Node) -> tuple[npt.NDArray[np.int64], Doubles]:
    """Sum and sum of magnitudes of the weights of each output channel."""
    weight = graph.constant(node.inputs[1]).astype(np.int64)
    axis = WEIGHT_AXIS[node.op]
    others = tuple(i for i in range(weight.ndim) if i != axis)
    return weight.sum(others), np.abs(weight).sum(others).astype(np.float64)


def _weight_scales(graph: Graph, node: Node) -> Doubles:
    """float64[out_channels], or one value if all channels share it."""
    tensor = graph.type(node.inputs[1])
    quantization = tensor.quantization
    if tensor.dtype is not DType.INT8 or quantization is None:
        raise fail("E0210", f"{node.op}: the weight is not quantized to int8", node.where)
    if any(quantization.zero_point):
        raise fail(
            "E0212", f"{node.op}: the weight has a zero point other than 0", node.where,
            help=["quantize weights symmetrically"],
        )  # fmt: skip
    if not quantization.is_per_tensor and quantization.axis != WEIGHT_AXIS[node.op]:
        raise fail(
            "E0212", f"{node.op}: the weight is quantized along axis {quantization.axis}",
            node.where, help=[f"quantize along axis {WEIGHT_AXIS[node.op]}"],
        )  # fmt: skip
    return np.array(quantization.scale, np.float64)


def _check_accumulator(node: Node, bound: Doubles) -> None:
    worst = int(np.argmax(bound))
    if bound[worst] >= INT32_END:
        raise fail(
            "E0213",
            f"{node.op}: the sum of output channel {worst} can reach {bound[worst]:.0f},"
            " which exceeds int32",
            node.where,
            help=["use fewer inputs per output or a larger input scale"],
        )


def avg_pool(graph: Graph, node: Node) -> AvgPool:
    """Constants of avg_pool2d; see AvgPool."""
    in_scale, in_zero_point = per_tensor(graph, node, node.inputs[0])
    out_scale, _ = per_tensor(graph, node, node.output)
    attrs = attributes(node)
    largest = math.prod(ints(attrs, "kernel"))
    if default_form(graph.rounding) is Form.TWICE:
        _require_same_quantization(graph, node)
        unit = np.ones(1)
        return AvgPool(requantize_for(graph, node, unit, 128.0 * unit), in_zero_point)
    counts = np.arange(1 if any(ints(attrs, "padding")) else largest, largest + 1, dtype=np.float64)
    scale = in_scale / (out_scale * counts)
    return AvgPool(requantize_for(graph, node, scale, 255.0 * counts), in_zero_point)


def _require_same_quantization(graph: Graph, node: Node) -> None:
    if per_tensor(graph, node, node.inputs[0]) != per_tensor(graph, node, node.output):
        raise fail("E0214", f"{node.op}: input and output are quantized differently", node.where)


def mean(graph: Graph, node: Node) -> Mean:
    """Constants of mean; see Mean. Raises EdgeError E0213 if a sum could exceed int32."""
    in_scale, zero_point = per_tensor(graph, node, node.inputs[0])
    out_scale, _ = per_tensor(graph, node, node.output)
    shape = graph.type(node.inputs[0]).shape
    positions = math.prod(shape[axis] for axis in ints(attributes(node), "axes"))
    bound = np.array([255.0 * positions])
    _check_accumulator(node, bound)
    if default_form(graph.rounding) is Form.ONCE:
        requantize = requantize_for(
            graph, node, np.array([in_scale / (out_scale * positions)]), bound
        )
    else:
        requantize = _mean_twice(graph, node, in_scale / out_scale, positions)
    return Mean(requantize, -positions * zero_point, positions)


def _mean_twice(graph: Graph, node: Node, ratio: float, positions: int) -> Requantize:
    """LiteRT divides the integer multiplier by the count, shifted left as far as it fits."""
    whole = requantize_for(graph, node, np.array([ratio]), np.array([255.0]))
    shift = int(whole.shift[0])
    left = min(positions.bit_length() - 1, 32, 31 + shift)
    multiplier = (int(whole.multiplier[0]) << left) // positions
    return Requantize(
        np.array([multiplier], np.int32), np.array([shift - left], np.int8),
        whole.form, whole.zero_point, whole.minimum, whole.maximum,
    )  # fmt: skip


def add(graph: Graph, node: Node) -> Add:
    """Constants of add and sub; see Add."""
    a, b = (per_tensor(graph, node, name) for name in node.inputs[:2])
    out_scale, zero_point = per_tensor(graph, node, node.output)
    form = default_form(graph.rounding)
    terms = (_add_once if form is Form.ONCE else _add_twice)(node, a, b, out_scale)
    minimum, maximum = activation_range(graph, node)
    return Add(
        terms.a, terms.b, node.op == "sub", terms.out_multiplier, terms.out_shift,
        form, zero_point, minimum, maximum,
    )  # fmt: skip


@dataclass(frozen=True)
class _Terms:
    a: Operand
    b: Operand
    out_multiplier: int
    out_shift: int


def _add_once(node: Node, a: tuple[float, int], b: tuple[float, int], out_scale: float) -> _Terms:
    ratio = max(a[0], b[0]) / out_scale
    # The multiplier stays below 2**22, so that two operands and the rounding fit int32.
    bits = min(_ADD_BITS, 21 - max(math.frexp(ratio)[1] - 1, 0))
    if bits < 1:
        raise fail("E0211", f"{node.op}: an input scale is {ratio:.3g} output scales", node.where)

    def operand(scale: float, zero_point: int) -> Operand:
        return Operand(math.floor(scale / out_scale * 2.0**bits + 0.5), 0, zero_point)

    return _Terms(operand(*a), operand(*b), 0, bits)


def _add_twice(node: Node, a: tuple[float, int], b: tuple[float, int], out_scale: float) -> _Terms:
    doubled = 2.0 * max(a[0], b[0])
    scales = np.array([a[0] / doubled, b[0] / doubled, doubled / (2.0**_ADD_BITS * out_scale)])
    multiplier, shift = normalized_multiplier(scales)
    if shift[2] > 3:  # a' + b' is below 2**28
        raise fail(
            "E0211", f"{node.op}: an input scale is {doubled / 2 / out_scale:.3g} output scales",
            node.where,
        )  # fmt: skip
    return _Terms(
        Operand(int(multiplier[0]), int(shift[0]), a[1]),
        Operand(int(multiplier[1]), int(shift[1]), b[1]),
        int(multiplier[2]),
        int(shift[2]),
    )


def mul(graph: Graph, node: Node) -> Mul:
    """Constants of mul; see Mul. LiteRT makes the product of the scales in float32."""
    (a_scale, a_zero), (b_scale, b_zero) = (per_tensor(graph, node, n) for n in node.inputs[:2])
    out_scale, _ = per_tensor(graph, node, node.output)
    if default_form(graph.rounding) is Form.ONCE:
        scale = a_scale * b_scale / out_scale
    else:
        scale = float(np.float32(a_scale) * np.float32(b_scale) / np.float32(out_scale))
    bound = np.array([255.0 * 255.0])
    return Mul(requantize_for(graph, node, np.array([scale]), bound), a_zero, b_zero)


def rescale(graph: Graph, node: Node) -> Rescale:
    """Constants of requantize, int8 to int8; see Rescale."""
    in_scale, in_zero_point = per_tensor(graph, node, node.inputs[0])
    out_scale, _ = per_tensor(graph, node, node.output)
    scale = np.array([in_scale / out_scale])
    return Rescale(requantize_for(graph, node, scale, np.array([255.0])), in_zero_point)


def affine(graph: Graph, node: Node) -> Affine:
    """Constants of quantize (its output) and dequantize (its input); see Affine."""
    name = node.output if node.op == "quantize" else node.inputs[0]
    scale, zero_point = per_tensor(graph, node, name)
    return Affine(float(np.float32(scale)), zero_point, default_form(graph.rounding))
