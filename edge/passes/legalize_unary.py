"""Turn int8 unary functions into table lookups; equal tables are kept once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.ir import DType, Graph, Node, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.ops import attributes
from edge.passes.rewrite import substitute, sweep
from edge.quantization.activation_tables import lookup_table

_TABLE = TensorType((256,), DType.INT8)


def run(graph: Graph) -> Graph:
    return sweep(graph, _legalize)


def _legalize(graph: Graph, node: Node) -> Graph | None:
    if node.op != "unary" or graph.type(node.inputs[0]).dtype is not DType.INT8:
        return None
    table = lookup_table(graph, node)
    held = _held(graph, table)
    name = held or graph.fresh(f"{node.name}_table")
    attrs = attributes(node)
    origin: dict[str, Attr] = {"source": attrs["function"], "alpha": attrs["alpha"]}
    lookup = replace(node, op="lookup", inputs=(node.inputs[0], name), attrs=origin)
    return substitute(graph, {node.name: [lookup]}, [] if held else [Value(name, _TABLE, table)])


def _held(graph: Graph, table: np.typing.NDArray[np.int8]) -> str | None:
    """The constant that holds this table already."""
    tables = (node.inputs[1] for node in graph.nodes if node.op == "lookup")
    return next((name for name in tables if np.array_equal(graph.constant(name), table)), None)
