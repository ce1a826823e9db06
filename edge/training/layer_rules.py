"""The gradient rule of convolutions and linear layers, with the updates of their parameters.

    g_acc = g_y * mask * e[c];  bias -= k_b[c] * sum g_acc;  g_x = W^T g_acc;
    W -= k_w[c] * correlate(x - zero point, g_acc)

The weight is read for g_x before it is changed, and its gradient never exists as a tensor: the
update computes one sum and applies it at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge.ir import Node
from edge.ir.graph import Attr
from edge.ir.ops import attributes
from edge.quantization.constants import per_tensor
from edge.quantization.requantize import Doubles
from edge.training import scales
from edge.training.forward import in_blocks, join
from edge.training.tape import Gradient, Tape


def layer(tape: Tape, node: Node, gradient: Gradient) -> Mapping[int, Gradient]:
    """Record what a trained layer, or one in front of which something is trained, needs."""
    inside = _largest(tape, node, _accumulator_gradient(tape, node, gradient))
    if node.name in tape.scheme.biases:
        _update_bias(tape, node, inside)
    found = {}
    if node.inputs[0] in tape.flows:
        found[0] = _input_gradient(tape, node, inside)
    if node.name in tape.scheme.weights:
        _update_weight(tape, node, inside)
    return found


def _accumulator_gradient(tape: Tape, node: Node, gradient: Gradient) -> Gradient:
    """The gradient with respect to the accumulators, where the output was not clamped.

    The power of two of its unit goes into the exponent: over many layers it would outgrow int8.
    """
    exact = scales.output_factors(tape.source, node)
    multiplier, unit = "", gradient.unit
    if exact.size == 1:
        unit *= float(exact[0])
    elif tape.settings.is_int8:
        mantissas, part = scales.normalized(exact)
        multiplier, unit = tape.constant(f"{node.name}_factors", mantissas), unit * part
    else:
        multiplier = tape.constant(f"{node.name}_factors", exact.astype(np.float32))
    power = 0
    if tape.settings.is_int8:
        unit, power = math.frexp(unit)
    mask = tape.saved[node.name]["mask"]
    return tape.clipped(f"{node.name}_clip", gradient, mask, multiplier, unit, power)


def _largest(tape: Tape, node: Node, gradient: Gradient) -> Gradient:
    """The gradient of the output channels with the largest ones; a classifier keeps all."""
    tensor = tape.type(gradient.values)
    keep = max(1, round(tape.settings.gradient_share * tensor.shape[-1]))
    if keep == tensor.shape[-1] or node.output in tape.source.outputs:
        return gradient
    name = f"{node.name}_top"
    (values,) = tape.node("top_gradient", name, (gradient.values,), {name: tensor}, {"keep": keep})
    return replace(gradient, values=values)


def _steps(
    tape: Tape, node: Node, stem: str, exact: Doubles, channels: int | None = None
) -> tuple[str, str]:
    """Constants of an update: mantissas and shifts, or float32 factors alone; 0 where frozen.

    One for each output channel, or for the first `channels` of them.
    """
    trainable = tape.trainable[node.name]
    usable = np.where(trainable, np.broadcast_to(exact, trainable.shape), 0.0)[:channels]
    if not tape.settings.is_int8:
        return tape.constant(f"{node.name}_{stem}", usable.astype(np.float32)), ""
    fixed = scales.multipliers(usable)
    return (
        tape.constant(f"{node.name}_{stem}", fixed.mantissa),
        tape.constant(f"{node.name}_{stem}_shift", fixed.shift),
    )


def _update_bias(tape: Tape, node: Node, inside: Gradient) -> None:
    in_scale, _ = per_tensor(tape.source, node, node.inputs[0])
    weight_scales = scales.weight_scales(tape.source, node)
    rate = tape.settings.learning_rate
    exact = scales.bias_steps(weight_scales, in_scale, rate, inside.unit)
    bias = tape.saved[node.name]["bias"]
    inputs = (inside.values, inside.exponent, bias, *_steps(tape, node, "bias_step", exact))
    limit = {"limit": tape.limits[node.name]}
    (written,) = tape.node(
        "update_bias", f"{node.name}_update_bias", inputs, {f"{bias}_next": tape.type(bias)}, limit
    )
    tape.updated(bias, written)


def _input_gradient(tape: Tape, node: Node, inside: Gradient) -> Gradient:
    weight = join(tape, node, tape.saved[node.name])
    stored = in_blocks(tape, node, f"{node.op}_input_gradient", tape.saved[node.name])
    return tape.gradient_node(
        stored.op,
        f"{node.name}_input",
        (inside.values, inside.exponent, weight, *stored.places),
        tape.type(node.inputs[0]).shape,
        inside.unit,
        {**_window(node), **stored.attrs},
        wide=True,
    )


def _update_weight(tape: Tape, node: Node, inside: Gradient) -> None:
    saved = tape.saved[node.name]
    high, low = saved["high"], saved["low"]
    exact = scales.weight_steps(
        scales.weight_scales(tape.source, node), tape.settings.learning_rate, inside.unit
    )
    filters = tape.scheme.weights[node.name] if node.op == "depthwise_conv2d" else None
    steps = _steps(tape, node, "weight_step", exact, filters)
    zero = per_tensor(tape.source, node, node.inputs[0])[1]
    states = [name for name in (high, low) if name]
    attrs: dict[str, Attr] = {**_window(node), "in_zero_point": zero}
    if not low:
        attrs |= {"first": tape.drawn, "seed": tape.settings.seed}
        tape.drawn += tape.type(high).elements
    stored = in_blocks(tape, node, f"update_{node.op}_weight", saved)
    given = (inside.values, inside.exponent, saved["x"], high, low, *steps, tape.counter)
    written = tape.node(
        stored.op,
        f"{node.name}_update_weight",
        (*given, *stored.places),
        {f"{name}_next": tape.type(name) for name in states},
        {**attrs, **stored.attrs},
    )
    for read, made in zip(states, written, strict=True):
        tape.updated(read, made)


_WINDOW = ("stride", "padding", "dilation", "groups")


def _window(node: Node) -> dict[str, Attr]:
    return {name: value for name, value in attributes(node).items() if name in _WINDOW}
