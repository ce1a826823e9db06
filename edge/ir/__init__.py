"""The graph that every stage reads and writes: typed, NHWC, batch first.

Imports nothing else of edge.
"""

from edge.ir.check import GraphError, check
from edge.ir.graph import Graph, Node, State, Value
from edge.ir.ops import OPS, Op, RowRule, macs
from edge.ir.text import parse, to_text
from edge.ir.types import DType, Quantization, Rounding, TensorType

__all__ = [
    "OPS",
    "DType",
    "Graph",
    "GraphError",
    "Node",
    "Op",
    "Quantization",
    "Rounding",
    "RowRule",
    "State",
    "TensorType",
    "Value",
    "check",
    "macs",
    "parse",
    "to_text",
]
