"""Which tensors must have the same quantization, and which have a fixed one.

Operators that only move values (pooling by maximum, reshape, concat, ...) are exact in int8 when
input and output share scale and zero point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge.ir import Graph, Node, Quantization, Rounding

_MOVES = frozenset({"max_pool2d", "reshape", "transpose", "slice", "pad", "resize", "concat"})
_UNIT = Quantization.per_tensor(1 / 256, -128)
_SIGNED_UNIT = Quantization.per_tensor(1 / 128, 0)
_FIXED_FUNCTIONS = {"sigmoid": _UNIT, "tanh": _SIGNED_UNIT}


def shares_quantization(graph: Graph, node: Node) -> bool:
    """Whether inputs and output of the node must have one quantization.

    LiteRT's average pool does not rescale, so in its rounding it belongs to the moves too.
    """
    return node.op in _MOVES or (node.op == "avg_pool2d" and graph.rounding is not Rounding.SINGLE)


def fixed_quantization(node: Node) -> Quantization | None:
    """The quantization that an operator's bounded output always has, as in LiteRT."""
    if node.op == "softmax":
        return _UNIT
    return _FIXED_FUNCTIONS.get(str(node.attrs["function"])) if node.op == "unary" else None


def activations(graph: Graph) -> Iterator[str]:
    """The graph's inputs and everything that a node makes, in order."""
    yield from graph.inputs
    for node in graph.nodes:
        yield from node.outputs


def activation_inputs(graph: Graph, node: Node) -> list[str]:
    return [name for name in node.inputs if name and not graph.is_constant(name)]


def complete(graph: Graph, annotations: Mapping[str, Quantization]) -> dict[str, Quantization]:
    """Annotations with those added that follow from others: fixed ones, and along moves."""
    known = dict(annotations)
    for node in graph.nodes:
        fixed = fixed_quantization(node)
        if fixed:
            known.setdefault(node.output, fixed)
    moves = [node for node in graph.nodes if shares_quantization(graph, node)]
    for node in (*moves, *reversed(moves), *moves):
        names = [node.output, *activation_inputs(graph, node)]
        shared = next((known[name] for name in names if name in known), None)
        if shared:
            known.update({name: shared for name in names if name not in known})
    return known
