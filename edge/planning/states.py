"""Where states live: memory of their own, from one inference to the next.

What a state becomes is written over what it was where all readers of the old value are done by
then; elsewhere it is copied there after the last stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.errors import fail
from edge.ir import Graph, State
from edge.planning.cutting import Group
from edge.planning.plan import Plan
from edge.planning.rows import WRITES_INTO, activations


def updated_in_place(
    graph: Graph, groups: Sequence[Group], owner: Mapping[str, str]
) -> dict[str, str]:
    """`owner`, where what states become shares their bytes if these groups run in this order.

    Raises EdgeError E0107 for an output that is the old value of a state, and for another reader of
    what an operator writes into.
    """
    _refuse_other_readers(graph)
    taken: dict[str, str] = {}
    for state in graph.states:
        made = owner[state.written]
        if made not in taken and _is_free(graph, groups, owner, state):
            taken[made] = state.read
    _refuse_lost_outputs(graph, owner, taken)
    return {name: taken.get(held, held) for name, held in owner.items()}


def _refuse_other_readers(graph: Graph) -> None:
    """What is written into is gone: only the operator that does so may read it."""
    for node in (node for node in graph.nodes if node.op in WRITES_INTO):
        ring = node.inputs[0]
        others = [reader.name for reader in graph.consumers[ring] if reader is not node]
        if others or ring in graph.outputs or graph.is_constant(ring):
            raise fail(
                "E0107", f"{node.op} {node.name} writes into {ring}, which is read elsewhere too",
                node.where, help=[f"read {node.output} instead"],
            )  # fmt: skip


def _is_free(graph: Graph, groups: Sequence[Group], owner: Mapping[str, str], state: State) -> bool:
    """Whether nobody needs the old value once a group has begun to make the new one."""
    made = owner[state.written]
    writers = [i for i, group in enumerate(groups) for n in group if n.output == made]
    readers = [
        index
        for index, group in enumerate(groups)
        for node in group
        for _, name in activations(graph, node)
        if owner[name] == state.read and owner[node.output] != state.read
    ]
    is_kept = any(owner[name] == state.read for name in graph.kept)
    return bool(writers) and not is_kept and max(readers, default=-1) < writers[0]


def copies(graph: Graph, plan: Plan) -> list[State]:
    """The states that are copied to their place after the last stage, in an order that loses none.

    Raises EdgeError E0107 for states that exchange their values.
    """
    at = plan.offsets
    left = [state for state in graph.states if at[state.written] != at[state.read]]
    ordered: list[State] = []
    while left:
        sources = {at[state.written] for state in left}
        free = next((state for state in left if at[state.read] not in sources), None)
        if free is None:
            names = ", ".join(state.read for state in left)
            raise fail(
                "E0107",
                f"the states {names} exchange their values",
                help=["let an operator make what one of them becomes"],
            )
        ordered.append(free)
        left.remove(free)
    return ordered


def _refuse_lost_outputs(
    graph: Graph, owner: Mapping[str, str], in_place: Mapping[str, str]
) -> None:
    """An output that is a state as it was would be gone when the state is renewed."""
    renewed = {s.read for s in graph.states} - set(in_place.values())
    for output in graph.outputs:
        if owner[output] in renewed:
            raise fail(
                "E0107",
                f"output {output} is the state {owner[output]} as it was before the inference",
                help=["return what the state becomes, or let an operator make the output"],
            )
