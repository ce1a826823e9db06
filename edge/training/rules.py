"""Gradient rules, one row an operator: from the gradient of the output to those of the inputs.

Gradients are taken with respect to stored integers; rounding is passed through, a clamp stops
what lies outside of it. A rule returns gradients by input slot, only for inputs on which something
trained depends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from edge.errors import fail
from edge.ir import DType, Node, TensorType
from edge.ir.graph import Attr
from edge.ir.ops import attributes
from edge.ir.shapes import ints
from edge.quantization.constants import per_tensor
from edge.quantization.layer_norm import layer_norm
from edge.quantization.requantize import Doubles
from edge.training import attention_rules
from edge.training.derivatives import derivative_table
from edge.training.layer_rules import layer
from edge.training.resize_rules import resize
from edge.training.scales import normalized
from edge.training.tape import Gradient, Tape

ROOT_BITS = 15
"""Fraction bits of 1 / deviation in the gradient of a layer norm."""

Gradients = Mapping[int, Gradient]
Rule = Callable[[Tape, Node, Gradient], Gradients]


def wanted(tape: Tape, node: Node) -> Iterator[int]:
    """The input slots that need a gradient."""
    return (slot for slot, name in enumerate(node.inputs) if name in tape.flows)


def scale_of(tape: Tape, node: Node, name: str) -> float:
    return per_tensor(tape.source, node, name)[0]


def clipped(tape: Tape, node: Node, gradient: Gradient) -> Gradient:
    """The gradient where the output was not clamped."""
    mask = tape.saved[node.name].get("mask", "")
    if not mask:
        return gradient
    return tape.clipped(f"{node.name}_clip", gradient, mask, "", gradient.unit, 0)


def moved(
    tape: Tape, node: Node, op: str, gradient: Gradient, shape: tuple[int, ...],
    attrs: Mapping[str, Attr],
) -> Gradient:  # fmt: skip
    """A gradient whose elements an operator only moves: the exponent stays."""
    dtype = tape.type(gradient.values).dtype
    name = f"{node.name}_{op}"
    (values,) = tape.node(op, name, (gradient.values,), {name: TensorType(shape, dtype)}, attrs)
    return Gradient(values, gradient.exponent, gradient.unit)


def factors(tape: Tape, stem: str, exact: Doubles, unit: float) -> tuple[str, float]:
    """A constant of per-element factors in the arithmetic of the gradients, and the unit left."""
    if not tape.settings.is_int8:
        return tape.constant(stem, exact.astype(np.float32)), unit
    mantissas, part = normalized(exact)
    return tape.constant(stem, mantissas), unit * part


def _sum(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    """add and sub: each operand gets the gradient times its share of the output scale."""
    inside = clipped(tape, node, gradient)
    out_scale = scale_of(tape, node, node.output)
    found = {}
    for slot in wanted(tape, node):
        name = node.inputs[slot]
        sign = -1.0 if node.op == "sub" and slot == 1 else 1.0
        unit = sign * inside.unit * scale_of(tape, node, name) / out_scale
        part = _reduced(tape, node, inside, name)
        found[slot] = Gradient(part.values, part.exponent, unit)
    return found


def _reduced(tape: Tape, node: Node, gradient: Gradient, name: str) -> Gradient:
    """The gradient summed over the positions in which a smaller operand repeats."""
    shape = tape.type(name).shape
    if math.prod(shape) == math.prod(tape.type(gradient.values).shape):
        return gradient
    return tape.gradient_node(
        "sum_gradient", f"{node.name}_sum", (gradient.values, gradient.exponent), shape,
        gradient.unit,
    )  # fmt: skip


def _mul(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    inside = clipped(tape, node, gradient)
    scales = [scale_of(tape, node, name) for name in (*node.inputs[:2], node.output)]
    unit = inside.unit * scales[0] * scales[1] / scales[2]
    found = {}
    for slot in wanted(tape, node):
        other = node.inputs[1 - slot]
        zero = per_tensor(tape.source, node, other)[1]
        found[slot] = tape.gradient_node(
            "mul_gradient", f"{node.name}_mul{slot}", (inside.values, inside.exponent, other),
            tape.type(node.inputs[slot]).shape, unit, {"zero_point": zero},
        )  # fmt: skip
    return found


def _matmul(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    return attention_rules.matmul(tape, node, clipped(tape, node, gradient))


def _requantize(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    inside = clipped(tape, node, gradient)
    ratio = scale_of(tape, node, node.inputs[0]) / scale_of(tape, node, node.output)
    return {0: Gradient(inside.values, inside.exponent, inside.unit * ratio)}


def _lookup(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    slopes = derivative_table(tape.source, node)
    table, unit = factors(tape, f"{node.name}_slopes", slopes, gradient.unit)
    shape = tape.type(node.inputs[0]).shape
    inputs = (gradient.values, gradient.exponent, node.inputs[0], table)
    return {0: tape.gradient_node("lookup_gradient", f"{node.name}_slope", inputs, shape, unit)}


def _mean(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    """Every position gets the same share."""
    inside = clipped(tape, node, gradient)
    shape = tape.type(node.inputs[0]).shape
    count = math.prod(shape[axis] for axis in ints(attributes(node), "axes"))
    ratio = scale_of(tape, node, node.inputs[0]) / scale_of(tape, node, node.output)
    axes = {"axes": attributes(node)["axes"]}
    spread = moved(tape, node, "mean_gradient", inside, shape, axes)
    return {0: Gradient(spread.values, spread.exponent, spread.unit * ratio / count)}


def _avg_pool2d(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    """Each position gets, from each window over it, the gradient over the window's count."""
    inside = clipped(tape, node, gradient)
    attrs = attributes(node)
    largest = math.prod(ints(attrs, "kernel"))
    ratio = scale_of(tape, node, node.inputs[0]) / scale_of(tape, node, node.output)
    padded = any(ints(attrs, "padding"))
    counts = np.arange(1 if padded else largest, largest + 1, dtype=np.float64)
    table, unit = factors(tape, f"{node.name}_shares", ratio / counts, inside.unit)
    shift = _pool_shift(tape, largest) if tape.settings.is_int8 else 0
    wide = _spread(tape, node, inside, (table,), attrs | {"shift": shift})
    scaled = Gradient(wide.values, wide.exponent, unit * 2.0**shift)
    return {0: tape.narrowed(f"{node.name}_narrow", scaled)}


def _pool_shift(tape: Tape, windows: int) -> int:
    """Right shift that makes a sum over all windows above a position fit int16."""
    return max(0, (127 * (1 << 14) * windows).bit_length() - 15)


def _spread(
    tape: Tape, node: Node, gradient: Gradient, more: tuple[str, ...], attrs: Mapping[str, Attr]
) -> Gradient:
    """Sums over the windows above each position, int16 or float32, with the same exponent."""
    dtype = DType.INT16 if tape.settings.is_int8 else DType.FLOAT32
    op = f"{node.op}_gradient"
    tensor = TensorType(tape.type(node.inputs[0]).shape, dtype)
    name = f"{node.name}_spread"
    (values,) = tape.node(op, name, (gradient.values, *more), {name: tensor}, attrs)
    return Gradient(values, gradient.exponent, gradient.unit)


def _max_pool2d(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    """The gradient goes to the first of the largest positions of each window."""
    if str(attributes(node)["activation"]) != "none":
        raise fail("E0103", "a max_pool2d with an activation has no gradient", node.where)
    wide = _spread(tape, node, gradient, (node.inputs[0],), attributes(node))
    return {0: tape.narrowed(f"{node.name}_narrow", wide)}


def _layer_norm(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    """Through the mean and the deviation of each vector; weight and bias stay as they are.

    The input is kept, so that the normalized values and the clamp are found anew.
    """
    c = layer_norm(tape.source, node)
    attrs: dict[str, Attr] = {
        "epsilon": c.epsilon, "fraction_bits": c.fraction_bits, "shift": c.shift,
        "minimum": c.minimum, "maximum": c.maximum,
    }  # fmt: skip
    gain = tape.constant(f"{node.name}_gain", c.gain)
    offset = tape.constant(f"{node.name}_offset", c.offset)
    inputs = [gradient.values, gradient.exponent, node.inputs[0], gain, offset]
    unit = gradient.unit
    if tape.settings.is_int8:
        unit *= 2.0 ** (c.fraction_bits - c.shift - ROOT_BITS)
    else:
        weight = tape.source.constant(node.inputs[1]).astype(np.float64) / scale_of(
            tape, node, node.output
        )
        inputs.append(tape.constant(f"{node.name}_weight", weight.astype(np.float32)))
    name, shape = f"{node.name}_norm", tape.type(node.inputs[0]).shape
    return {0: tape.gradient_node("layer_norm_gradient", name, inputs, shape, unit, attrs)}


def _reshape(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    shape = tape.type(node.inputs[0]).shape
    return {0: moved(tape, node, "reshape", gradient, shape, {"shape": shape})}


def _transpose(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    inverse = np.argsort(ints(attributes(node), "permutation"))
    shape = tape.type(node.inputs[0]).shape
    attrs: dict[str, Attr] = {"permutation": tuple(map(int, inverse))}
    return {0: moved(tape, node, "transpose", gradient, shape, attrs)}


def _cut(
    tape: Tape, node: Node, gradient: Gradient, begin: tuple[int, ...], shape: tuple[int, ...]
) -> Gradient:
    end = tuple(b + n for b, n in zip(begin, shape, strict=True))
    attrs: dict[str, Attr] = {"begin": begin, "end": end, "strides": (1,) * len(shape)}
    return moved(tape, node, "slice", gradient, shape, attrs)


def _concat(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    axis, at, found = int(str(attributes(node)["axis"])), 0, {}
    flowing = set(wanted(tape, node))
    for slot, name in enumerate(node.inputs):
        shape = tape.type(name).shape
        begin = tuple(at if i == axis else 0 for i in range(len(shape)))
        if slot in flowing:
            found[slot] = _cut(tape, node, gradient, begin, shape)
        at += shape[axis]
    return found


def _pad(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    before = ints(attributes(node), "padding")[0::2]
    return {0: _cut(tape, node, gradient, before, tape.type(node.inputs[0]).shape)}


def _slice(tape: Tape, node: Node, gradient: Gradient) -> Gradients:
    shape = tape.type(node.inputs[0]).shape
    return {0: moved(tape, node, "slice_gradient", gradient, shape, attributes(node))}


TAKE_WIDE = ("conv2d", "depthwise_conv2d", "linear", "add", "sub", "mul", "matmul", "requantize")
"""Operators whose rule begins with a clip, which also takes int16 sums."""

RULES: dict[str, Rule] = {
    "conv2d": layer,
    "depthwise_conv2d": layer,
    "linear": layer,
    "add": _sum,
    "sub": _sum,
    "mul": _mul,
    "matmul": _matmul,
    "softmax": attention_rules.softmax,
    "resize": resize,
    "requantize": _requantize,
    "lookup": _lookup,
    "mean": _mean,
    "avg_pool2d": _avg_pool2d,
    "max_pool2d": _max_pool2d,
    "layer_norm": _layer_norm,
    "reshape": _reshape,
    "transpose": _transpose,
    "concat": _concat,
    "pad": _pad,
    "slice": _slice,
}
