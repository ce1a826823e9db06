"""How float32 operators are computed in the kernels: limits of fused activations, biases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.ir import Graph, Node
from edge.quantization.constants import WEIGHT_AXIS

Floats = npt.NDArray[np.float32]

LIMITS = {
    "none": (-np.inf, np.inf),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}
"""What a fused activation limits an output to."""


def bias_of(graph: Graph, node: Node) -> Floats:
    """float32[out_channels]: where sums start. 0 stands for -0, so that no sum is ever -0."""
    if len(node.inputs) > 2 and node.inputs[2]:
        return graph.constant(node.inputs[2]).astype(np.float32) + np.float32(0)
    return np.zeros(graph.type(node.inputs[1]).shape[WEIGHT_AXIS[node.op]], np.float32)
