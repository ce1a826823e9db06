"""Gradient rules of attention: products of two activations, and a softmax inside the network."""

from __future__ import annotations

import math

import numpy as np

from edge.ir import Node
from edge.ir.graph import Attr
from edge.ir.ops import attributes
from edge.quantization.constants import per_tensor
from edge.quantization.softmax_table import OUTPUT_SCALE
from edge.training.scales import LOGIT_BITS, PROBABILITY_BITS
from edge.training.tape import Gradient, Tape


def matmul(tape: Tape, node: Node, inside: Gradient) -> dict[int, Gradient]:
    """Each operand gets the gradient in front of the clamp times the other operand."""
    scales = [per_tensor(tape.source, node, name)[0] for name in (*node.inputs, node.output)]
    unit = inside.unit * scales[0] * scales[1] / scales[2]
    return {
        slot: tape.gradient_node(
            "matmul_gradient",
            f"{node.name}_operand{slot}",
            (inside.values, inside.exponent, node.inputs[1 - slot]),
            tape.type(node.inputs[slot]).shape,
            unit,
            _product(tape, node, slot),
            wide=True,
        )
        for slot, name in enumerate(node.inputs)
        if name in tape.flows
    }


def _product(tape: Tape, node: Node, slot: int) -> dict[str, Attr]:
    """The sums of one operand's gradient: out[i][j] = sum over k of gradient * (other - zero).

    Steps through gradient and other operand by i, j and k; `batches` of such products.
    """
    rows, columns = tape.type(node.output).shape[-2:]
    depth = tape.type(node.inputs[0]).shape[-1]
    transposed = bool(attributes(node)["transpose_b"])
    down, along = (1, depth) if transposed else (columns, 1)  # of b, from k to k, from n to n
    if slot == 0:
        sizes, gradient, other = (rows, depth, columns), (columns, 0, 1), (0, down, along)
    elif transposed:
        sizes, gradient, other = (columns, depth, rows), (1, 0, columns), (0, 1, depth)
    else:
        sizes, gradient, other = (depth, columns, rows), (0, 1, columns), (1, 0, depth)
    batches = math.prod(tape.type(node.output).shape[:-2])
    zero = per_tensor(tape.source, node, node.inputs[1 - slot])[1]
    return {
        "batches": batches, "sizes": sizes, "gradient_steps": gradient, "other_steps": other,
        "zero_point": zero,
    }  # fmt: skip


def softmax(tape: Tape, node: Node, gradient: Gradient) -> dict[int, Gradient]:
    """p * (g - sum of p * g) over the last axis, with the probabilities made anew from the input.

    The stored probabilities, of 8 bits, are too coarse where there are many.
    """
    scale, _ = per_tensor(tape.source, node, node.inputs[0])
    exponent = scale * float(str(attributes(node)["beta"]))
    exponentials = np.exp(-exponent * np.arange(256))
    unit = gradient.unit * exponent / OUTPUT_SCALE
    if tape.settings.is_int8:
        table = np.floor(exponentials * 2.0**LOGIT_BITS + 0.5).astype(np.int32)
        unit *= 2.0**-PROBABILITY_BITS
    else:
        table = exponentials.astype(np.float32)
    constant = tape.constant(f"{node.name}_exponentials", table)
    inputs = (gradient.values, gradient.exponent, node.inputs[0], constant)
    shape = tape.type(node.inputs[0]).shape
    return {0: tape.gradient_node("softmax_gradient", f"{node.name}_back", inputs, shape, unit)}
