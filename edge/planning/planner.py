"""From a graph to a plan: kernels, stages, order, offsets, and the check of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.ir import Graph
from edge.planning.check_plan import check_plan
from edge.planning.choice import candidates, leanest
from edge.planning.cutting import Group, fewest_joins, residual_joins
from edge.planning.fit import MemoryTarget
from edge.planning.kernels import Kernel
from edge.planning.lifetimes import (
    StageWork,
    bound,
    live_bytes,
    overlaps,
    stage_items,
    storage,
    tensor_items,
)
from edge.planning.offsets import Layout, make_problem, solve
from edge.planning.order import best_order
from edge.planning.plan import Plan, Stage, Step

_SCRATCH_SHARE, _SCRATCH_BYTES = 8, 1024
"""How far the scratch of quick kernels may raise the peak: an eighth of it, or these bytes."""


class PlanTarget(MemoryTarget, Protocol):
    """What planning needs to know of a target: its memory and its kernel folders, best first."""

    @property
    def kernels(self) -> tuple[str, ...]: ...


def plan(graph: Graph, target: PlanTarget) -> Plan:
    """Decide kernels, stages and the place of every byte of RAM of an int8 graph.

    Kernels with much scratch are avoided where the target's SRAM asks for it. The same graph gives
    the same plan everywhere. Raises EdgeError E0102 for operators without a kernel.
    """
    options = candidates(graph, target.kernels)
    owner = storage(graph)
    groups = best_order(graph, residual_joins(graph), owner)
    budget = target.sram.length - target.stack if target.sram else None
    kernels = _quick_kernels(graph, options, owner, groups, budget)
    works = fewest_joins(graph, kernels, owner, groups)
    tensors = tensor_items(graph, works, owner)
    load = live_bytes(graph, works, tensors)
    items = [*tensors.values(), *stage_items(graph, works)]
    least = bound(works, tensors, load)
    layout = solve(make_problem(items, overlaps(works, tensors)), load, least)
    result = Plan(
        graph.name,
        target.name,
        tuple(_stage(work, index in layout.descending) for index, work in enumerate(works)),
        _offsets(graph, layout, owner),
        _scratch_offsets(layout),
        layout.arena,
        least,
    )
    check_plan(graph, result)
    return result


def _quick_kernels(
    graph: Graph,
    options: Mapping[str, Sequence[Kernel]],
    owner: Mapping[str, str],
    groups: Sequence[Group],
    budget: int | None,
) -> dict[str, Kernel]:
    """For each node the cheapest kernel whose scratch keeps its stage near the leanest peak.

    Where that exceeds the budget of the arena, within the budget; the leanest one if none is.
    """
    kernels = leanest(graph, options)
    works = fewest_joins(graph, kernels, owner, groups)
    load = live_bytes(graph, works, tensor_items(graph, works, owner))
    peak = max(load, default=0)
    limit = peak + max(peak // _SCRATCH_SHARE, _SCRATCH_BYTES)
    limit = limit if budget is None else min(limit, budget)
    for work, live in zip(works, load, strict=True):
        room = limit - (live - work.scratch)
        for node in (operator.node for operator in work.run.operators):
            kernels[node.name] = next(
                (k for k in options[node.name] if k.scratch(graph, node) <= room),
                kernels[node.name],
            )
    return kernels


def _stage(work: StageWork, descending: bool) -> Stage:
    steps = tuple(
        Step(operator.node.name, operator.kernel.name, operator.rows, operator.scratch)
        for operator in work.run.operators
    )
    return Stage(steps, descending, dict(work.rings))


def _offsets(graph: Graph, layout: Layout, owner: Mapping[str, str]) -> dict[str, int]:
    """The offset of every value in RAM, in the order of the graph's values."""
    at = layout.offsets
    return {name: at[owner[name]] for name in graph.values if owner[name] in at}


def _scratch_offsets(layout: Layout) -> dict[int, int]:
    return {key: at for key, at in sorted(layout.offsets.items(), key=str) if isinstance(key, int)}
