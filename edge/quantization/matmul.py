"""Constants of the product of two int8 activations.

    acc[m][n] = sum over k of (a[m][k] - a_zero_point) * (b[k][n] - b_zero_point)
    out[m][n] = requantized acc

in the rounding of the graph. As in LiteRT's reference BATCH_MATMUL, `tflite` graphs multiply the
scales of the operands in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.errors import fail
from edge.ir import Graph, Node
from edge.quantization.requantize import Form, Requantize
from edge.quantization.stored import INT32_END, default_form, per_tensor, requantize_for

LARGEST_PRODUCT = 255.0 * 255.0


@dataclass(frozen=True, eq=False)
class MatMul:
    """matmul: requantized sums of (a - a_zero_point) * (b - b_zero_point)."""

    requantize: Requantize
    a_zero_point: int
    b_zero_point: int


def matmul(graph: Graph, node: Node) -> MatMul:
    """Constants of a matmul node.

    Raises EdgeError E0210 or E0211 for unusable scales, E0213 if a sum could exceed int32.
    """
    (a_scale, a_zero), (b_scale, b_zero) = (per_tensor(graph, node, n) for n in node.inputs)
    out_scale, _ = per_tensor(graph, node, node.output)
    depth = graph.type(node.inputs[0]).shape[-1]
    bound = LARGEST_PRODUCT * depth
    if bound >= INT32_END:
        raise fail("E0213", f"matmul: sums of {depth} products exceed int32", node.where)
    if default_form(graph.rounding) is Form.ONCE:
        product = a_scale * b_scale
    else:
        product = float(np.float32(a_scale) * np.float32(b_scale))
    scale = np.array([product / out_scale])
    return MatMul(requantize_for(graph, node, scale, np.array([bound])), a_zero, b_zero)
