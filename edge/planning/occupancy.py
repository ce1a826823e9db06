"""What lies where in the arena while each stage runs, read off a finished plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.ir import Graph
from edge.planning.calls import step_nodes
from edge.planning.kernels import ALIAS
from edge.planning.plan import Plan
from edge.planning.rows import row_bytes


@dataclass(frozen=True)
class Resident:
    """Bytes [offset, offset + size) of the arena: a tensor, a ring, "scratch" or "sums"."""

    name: str
    offset: int
    size: int


def occupancy(graph: Graph, plan: Plan) -> list[list[Resident]]:
    """For each stage what is live while it runs; values that share bytes are listed once."""
    lives = _lives(graph, plan)
    return [
        [
            *(
                Resident(name, plan.offsets[name], graph.type(name).nbytes)
                for name, (first, last) in lives.items()
                if first <= index <= last
            ),
            *_working_memory(graph, plan, index),
        ]
        for index in range(len(plan.stages))
    ]


def occupied(residents: Sequence[Resident]) -> int:
    """Bytes that residents cover together; a byte that two of them share counts once."""
    covered, end = 0, 0
    for resident in sorted(residents, key=lambda r: r.offset):
        high = resident.offset + resident.size
        covered += max(0, high - max(end, resident.offset))
        end = max(end, high)
    return covered


def _working_memory(graph: Graph, plan: Plan, index: int) -> list[Resident]:
    stage = plan.stages[index]
    found = [
        Resident(name, plan.offsets[name], rows * row_bytes(graph.type(name)))
        for name, rows in stage.rings.items()
    ]
    if index in plan.scratch_offsets:
        size = max(step.scratch for step in stage.steps)
        found.append(Resident("scratch", plan.scratch_offsets[index], size))
    found += [Resident("sums", plan.sums[s.node], s.sums) for s in stage.steps if s.sums]
    return found


def _lives(graph: Graph, plan: Plan) -> dict[str, tuple[int, int]]:
    """The stages in which each whole tensor is first written and last read."""
    owner: dict[str, str] = {}
    states = [state.read for state in graph.states]
    lives = dict.fromkeys((*(() if plan.input_rows else graph.inputs), *states), (0, 0))
    for index, stage in enumerate(plan.stages):
        for step, node in zip(stage.steps, step_nodes(graph, stage), strict=True):
            for name in node.inputs:
                held = owner.get(name, name)
                if held in lives:
                    lives[held] = (lives[held][0], index)
            if step.kernel == ALIAS:
                owner[node.output] = owner.get(node.inputs[0], node.inputs[0])
            elif node.output not in stage.rings:
                lives[node.output] = (index, index)
    last = len(plan.stages) - 1
    for name in (*graph.kept, *states):
        held = owner.get(name, name)
        lives[held] = (lives[held][0], last)
    return lives
