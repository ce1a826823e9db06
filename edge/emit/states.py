"""The states of a model in model.c: how they start, and how they become what was computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.emit.c_text import ConstArray
from edge.emit.layers import address, c_name
from edge.ir import Graph, State
from edge.planning.plan import Plan
from edge.planning.states import copies


@dataclass(frozen=True, eq=False)
class StateCode:
    """One state: its place, the statement that resets it and the array that this needs, if any."""

    name: str
    bytes: int
    offset: int
    reset: str
    initial: ConstArray | None


def state_codes(graph: Graph, plan: Plan, prefix: str) -> list[StateCode]:
    """The states in their order; arrays are called <prefix>_<state>_initial."""
    return [_state_code(graph, plan, state, prefix) for state in graph.states]


def _state_code(graph: Graph, plan: Plan, state: State, prefix: str) -> StateCode:
    size, place = graph.type(state.read).nbytes, address(plan, state.read)
    stored = np.ascontiguousarray(state.initial).reshape(-1).view(np.uint8)
    head = (state.read, size, plan.offsets[state.read])
    if (stored == stored[0]).all():
        return StateCode(*head, f"memset({place}, {int(stored[0])}, {size});", None)
    array = ConstArray(f"{prefix}_{c_name(state.read)}_initial", state.initial, state.read)
    return StateCode(*head, f"memcpy({place}, {array.name}, {size});", array)


def renewals(graph: Graph, plan: Plan) -> list[str]:
    """The statements after the last stage: what was not computed in its place is copied there."""
    return [
        f"memcpy({address(plan, state.read)}, {address(plan, state.written)}, "
        f"{graph.type(state.read).nbytes});"
        for state in copies(graph, plan)
    ]
