"""Turn an average pool over the whole map into a mean, which reads its input in one line.

Done for `single` rounding, where both requantize the same sum with the same multiplier.
"""

from __future__ import annotations

from dataclasses import replace

from edge.ir import DType, Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.passes.rewrite import ints, substitute, sweep


def run(graph: Graph) -> Graph:
    return sweep(graph, _turn) if graph.rounding is Rounding.SINGLE else graph


def _turn(graph: Graph, node: Node) -> Graph | None:
    if node.op != "avg_pool2d" or attributes(node)["activation"] != "none":
        return None
    x = graph.type(node.inputs[0])
    whole = ints(node, "kernel") == x.shape[1:3] and not any(ints(node, "padding"))
    if not whole or x.dtype is not DType.INT8:
        return None
    mean = replace(node, op="mean", attrs={"axes": (1, 2), "keepdims": True})
    return substitute(graph, {node.name: [mean]})
