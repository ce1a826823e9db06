"""The weights of an operator as a matrix, for kernel tables that look at their values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.ir import Graph, Node
from edge.quantization.constants import WEIGHT_AXIS


def weight_rows(graph: Graph, node: Node) -> npt.NDArray[np.int8]:
    """int8[out_channels, taps], the input channel innermost."""
    weight = graph.constant(node.inputs[1]).astype(np.int8)
    axis = WEIGHT_AXIS[node.op]
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
