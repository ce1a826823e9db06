"""Which tensors must have the same quantization, and which have a fixed one.

Operators that only move values (pooling by maximum, reshape, concat, ...) are exact in int8 when
input and output share scale and zero point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge.ir import Graph, Node, Quantization, Rounding

_MOVES = frozenset({"max_pool2d", "reshape", "transpose", "slice", "pad", "resize", "concat"})
_UNIT = Quantization.per_tensor(1 / 256, -128)
SIGNED_UNIT = Quantization.per_tensor(1 / 128, 0)
_FIXED_FUNCTIONS = {"sigmoid": _UNIT, "tanh": SIGNED_UNIT}
RECURRENT = frozenset({"gru", "lstm"})
"""Their hidden values lie in [-1, 1], before the first step too."""

CELLS = Quantization.per_tensor(1 / 2048, 0)
"""Of hidden and cell values in int16."""

_FIXED = {"softmax": _UNIT, "gru": SIGNED_UNIT, "lstm": CELLS, "hidden": SIGNED_UNIT}


def shares_quantization(graph: Graph, node: Node) -> bool:
    """Whether inputs and output of the node must have one quantization.

    LiteRT's average pool does not rescale, so in its rounding it belongs to the moves too.
    """
    return node.op in _MOVES or (node.op == "avg_pool2d" and graph.rounding is not Rounding.SINGLE)


def fixed_quantization(node: Node) -> Quantization | None:
    """The quantization that an operator's bounded output always has, as in LiteRT."""
    if node.op in _FIXED:
        return _FIXED[node.op]
    return _FIXED_FUNCTIONS.get(str(node.attrs["function"])) if node.op == "unary" else None


def activations(graph: Graph) -> Iterator[str]:
    """The graph's inputs, its states and everything that a node makes, in order."""
    yield from graph.given
    for node in graph.nodes:
        yield from node.outputs


def activation_inputs(graph: Graph, node: Node) -> list[str]:
    return [name for name in node.inputs if name and not graph.is_constant(name)]


def links(graph: Graph) -> Iterator[list[str]]:
    """The sets of activations that share a quantization: around moves, and along states."""
    yield from ([state.read, state.written] for state in graph.states)
    for node in graph.nodes:
        if shares_quantization(graph, node):
            yield [node.output, *activation_inputs(graph, node)]


def wide(graph: Graph) -> set[str]:
    """The activations that an int8 graph stores as int16: what an lstm makes, and moves of it."""
    found = {node.output for node in graph.nodes if node.op == "lstm"}
    before = -1
    while len(found) > before:
        before = len(found)
        for names in links(graph):
            found |= set(names) if found.intersection(names) else set()
    return found


def complete(graph: Graph, annotations: Mapping[str, Quantization]) -> dict[str, Quantization]:
    """Annotations with those added that follow from others: fixed, along moves and states."""
    known = dict(annotations)
    for node in graph.nodes:
        fixed = fixed_quantization(node)
        if fixed:
            known.setdefault(node.output, fixed)
    linked = list(links(graph))
    for names in (*linked, *reversed(linked), *linked):
        shared = next((known[name] for name in names if name in known), None)
        if shared:
            known.update({name: shared for name in names if name not in known})
    return known
