"""From which node to which each value of a step lives, read off the order of its nodes."""

from __future__ import annotations

from edge.ir import Graph, Node
from edge.training.conflicts import Lifetime
from edge.training.ops import TRAINING_OPS

_RENAMING = ("reshape",)  # operators that make no new bytes


def shared_bytes(graph: Graph) -> dict[str, str]:
    """For each value the one whose bytes it shares: a state that is updated, what is renamed."""
    owner = {name: name for name in graph.values}
    for node in graph.nodes:
        if node.op in _RENAMING:
            owner[node.output] = owner[node.inputs[0]]
        for made, read in updates(node).items():
            owner[made] = owner[read]
    return owner


def updates(node: Node) -> dict[str, str]:
    """The outputs of a node that take the place of a state."""
    op = TRAINING_OPS.get(node.op)
    pairs = op.updates.items() if op else ()
    return {node.outputs[o]: node.inputs[i] for o, i in pairs if o < len(node.outputs)}


def lifetimes(graph: Graph) -> dict[str, Lifetime]:
    """Each activation by the name that owns its bytes: alive for steps start <= step < end.

    Step 0 is before the first node, which is step 1; outputs live to the end. Constants and states
    have their own places and are left out.
    """
    owner = shared_bytes(graph)
    resident = {owner[state.read] for state in graph.states}
    first = dict.fromkeys((owner[name] for name in graph.inputs), 0)
    last = dict(first)
    for index, node in enumerate(graph.nodes, 1):
        for name in node.outputs:
            first.setdefault(owner[name], index)
            last[owner[name]] = index
        for name in (n for n in node.inputs if n and owner[n] in first):
            last[owner[name]] = index
    last.update((owner[name], len(graph.nodes) + 1) for name in graph.outputs)
    return {
        name: Lifetime(start, last[name] + 1, graph.type(name).nbytes)
        for name, start in first.items()
        if name not in resident
    }


def alive_across(graph: Graph, node: str) -> int:
    """Bytes made before a node and read after it."""
    index = next(i for i, n in enumerate(graph.nodes, 1) if n.name == node)
    return sum(t.size for t in lifetimes(graph).values() if t.start < index and t.end > index + 1)
