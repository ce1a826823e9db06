"""From a graph to a plan: kernels, stages, order, offsets, and the check of the result."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from edge.errors import fail
from edge.ir import Graph
from edge.planning.check_plan import check_plan
from edge.planning.choice import candidates, leanest
from edge.planning.cutting import Group, fewest_joins, residual_joins, works_of
from edge.planning.few_kernels import with_few_kernels
from edge.planning.fit import MemoryTarget, arena_budget
from edge.planning.fusing import Cutter, by_rows
from edge.planning.kernels import Kernel, arrival
from edge.planning.lifetimes import (
    Key,
    StageWork,
    Sums,
    bound,
    live_bytes,
    overlaps,
    stage_items,
    storage,
    storage_of,
    tensor_items,
)
from edge.planning.offsets import Layout, make_problem, solve
from edge.planning.order import best_order
from edge.planning.plan import Plan, Stage, Step
from edge.planning.rows import MOST_ROWS, row_count
from edge.planning.states import updated_in_place

_SCRATCH_SHARE, _SCRATCH_BYTES = 8, 4096
"""How far the scratch of quick kernels may raise the peak: an eighth of it, or these bytes."""

_LEANER = 0.6  # of the largest scratch is allowed in the next attempt
_SLOWER = 1.04  # the instructions of kernels that are taken for a smaller peak
_TIGHTER = 3  # times a cutting is tried again whose tensors cannot be placed as densely as hoped

Kernels = dict[str, Kernel]


class PlanTarget(MemoryTarget, Protocol):
    """What planning needs to know of a target: its memory and its kernel folders, best first."""

    @property
    def kernels(self) -> tuple[str, ...]: ...


def plan(
    graph: Graph,
    target: PlanTarget,
    *,
    streamed: bool = False,
    smallest: bool = False,
    few_kernels: bool = False,
) -> Plan:
    """Decide kernels, stages and the place of every byte of RAM of an int8 graph.

    Operators are joined where that lowers the peak at no cost, and where the target's SRAM asks
    for it, as few as possible; `smallest` asks for the smallest peak instead. If the SRAM asks for
    more, kernels with much scratch are avoided. With `streamed` the caller gives the rows of the
    input one by one. `few_kernels` saves code at the cost of some speed. The same graph gives the
    same plan everywhere.

    Raises EdgeError E0102 for operators without a kernel, E0016 for an input without rows.
    """
    input_rows = streamed_input(graph) if streamed else None
    planner = _Planner(graph, target, input_rows, few_kernels)
    best = planner.smallest() if smallest else planner.fewest_joins()
    check_plan(graph, best)
    return best


def streamed_input(graph: Graph) -> str:
    """The input whose rows a caller can give one by one. Raises EdgeError E0016 for others."""
    if len(graph.inputs) == 1 and 1 < row_count(graph.type(graph.inputs[0])) <= MOST_ROWS:
        return graph.inputs[0]
    shapes = [f"{name} {list(graph.type(name).shape)}" for name in graph.inputs]
    raise fail(
        "E0016",
        f"{graph.name} does not take its input row by row: that needs one input [1, H, W, C]",
        notes=[f"inputs: {', '.join(shapes)}"],
        help=["--input arena"],
    )


class _Planner:
    """What the attempts to plan one graph share."""

    def __init__(self, graph: Graph, target: PlanTarget, streamed: str | None, few: bool) -> None:
        self.graph, self.target = graph, target
        found = candidates(graph, target.kernels)
        self.options = with_few_kernels(graph, found) if few else found
        self.nodes = {node.name: node for node in graph.nodes}
        self.owner = storage(graph)
        self.budget = arena_budget(target, streamed is not None)
        self.groups = best_order(graph, residual_joins(graph), self.owner)
        self.owner = updated_in_place(graph, self.groups, self.owner)
        if streamed is not None:
            self.groups = self._with_arrival(streamed)

    def _with_arrival(self, name: str) -> list[Group]:
        """The groups behind a streamed input; an operator that can takes its rows as they come."""
        first = self.groups[0] if self.groups else ()
        takes = (
            bool(first)
            and name in first[0].inputs
            and by_rows(self.graph, first[0], self.options[first[0].name][0])
        )
        head = (arrival(name),)
        return [(*head, *first), *self.groups[1:]] if takes else [head, *self.groups]

    def fewest_joins(self) -> Plan:
        """The first plan that fits, else the smallest: slower kernels come after joins."""
        quick = self._quick_kernels()
        sets = [quick, *self._leaner(quick)]
        joined = (works for kernels in sets for works in self._joined(kernels))
        least = (self._smallest(kernels) for kernels in (sets[0], sets[-1]))
        return self._first_fitting(itertools.chain([self._plain(quick)], joined, least))

    def smallest(self) -> Plan:
        """The plan with the smallest arena by kernels that are hardly slower than the quickest.

        Where that does not fit, by any.
        """
        quick = self._quick_kernels()
        sets = [quick, *self._leaner(quick)]
        most = _SLOWER * self._instructions(quick)
        hardly = [kernels for kernels in sets if self._instructions(kernels) <= most]
        works = [self._plain(quick), *map(self._smallest, hardly)]
        best = min(map(self._placed, works), key=lambda found: found.arena)
        others = (self._smallest(kernels) for kernels in sets if kernels not in hardly)
        return best if self._fits(best) else self._first_fitting(others, best)

    def _first_fitting(self, proposals: Iterable[list[StageWork]], *tried: Plan) -> Plan:
        """The first proposal that fits the budget when it is placed, else the smallest of all."""
        best = list(tried)
        for works in proposals:
            best.append(self._placed(works))
            if self._fits(best[-1]):
                return best[-1]
        return min(best, key=lambda found: found.arena)

    def _fits(self, found: Plan) -> bool:
        return self.budget is None or found.arena <= self.budget

    def _plain(self, kernels: Kernels) -> list[StageWork]:
        return fewest_joins(self.graph, kernels, self.owner, self.groups)

    def _smallest(self, kernels: Kernels) -> list[StageWork]:
        return self._works(kernels, self._cutter(kernels).smallest_peak())

    def _joined(self, kernels: Kernels) -> Iterator[list[StageWork]]:
        """The stages with the fewest joins that fit the budget.

        Where their tensors may not be placed as densely as hoped, smaller ones follow.
        """
        assert self.budget is not None
        cutter, limit = self._cutter(kernels), self.budget
        for _ in range(_TIGHTER):
            groups = cutter.fewest_joins(limit)
            if groups is None:
                return
            yield self._works(kernels, groups)
            limit -= limit // 32

    def _cutter(self, kernels: Kernels) -> Cutter:
        nodes = [node for group in self.groups for node in group]
        return Cutter(self.graph, kernels, self.owner, nodes)

    def _leaner(self, kernels: Kernels) -> Iterator[Kernels]:
        """Kernels with less and less scratch: those at the top give way to slower ones."""
        lean = leanest(self.graph, self.options)
        limit = max(map(self._scratch, kernels, kernels.values()), default=0)
        while limit > 0:
            limit = int(_LEANER * limit)
            found = {
                name: next((k for k in fitting if self._scratch(name, k) <= limit), lean[name])
                for name, fitting in self.options.items()
            }
            if found != kernels:
                kernels = found
                yield kernels

    def _instructions(self, kernels: Kernels) -> int:
        return sum(k.cost(self.graph, self.nodes[name]) for name, k in kernels.items())

    def _scratch(self, name: str, kernel: Kernel) -> int:
        return kernel.scratch(self.graph, self.nodes[name])

    def _works(self, kernels: Kernels, groups: Sequence[Group]) -> list[StageWork]:
        return works_of(self.graph, kernels, self.owner, groups)

    def _load(self, works: Sequence[StageWork]) -> list[int]:
        """The live bytes of each stage."""
        return live_bytes(self.graph, works, tensor_items(self.graph, works, self.owner))

    def _quick_kernels(self) -> Kernels:
        """The quickest kernels whose scratch keeps each stage near the peak of the leanest.

        Where there is no limit on RAM the quickest of all.
        """
        if self.budget is None:
            return {name: kernels[0] for name, kernels in self.options.items()}
        lean = leanest(self.graph, self.options)
        works = fewest_joins(self.graph, lean, self.owner, self.groups)
        peak = max(self._load(works), default=0)
        return self._quickened(lean, works, peak + max(peak // _SCRATCH_SHARE, _SCRATCH_BYTES))

    def _quickened(self, lean: Kernels, works: Sequence[StageWork], limit: int) -> Kernels:
        """For each node the quickest kernel whose scratch keeps its stage within the limit."""
        kernels = dict(lean)
        for work, live in zip(works, self._load(works), strict=True):
            room = limit - (live - work.scratch)
            for node in (o.node for o in work.run.operators if o.node.name in lean):
                kernels[node.name] = next(
                    (k for k in self.options[node.name] if self._scratch(node.name, k) <= room),
                    kernels[node.name],
                )
        return kernels

    def _placed(self, works: Sequence[StageWork]) -> Plan:
        tensors = tensor_items(self.graph, works, self.owner)
        load = live_bytes(self.graph, works, tensors)
        items = [*tensors.values(), *stage_items(self.graph, works)]
        least = bound(works, tensors, load)
        layout = solve(make_problem(items, overlaps(works, tensors)), load, least)
        return Plan(
            self.graph.name,
            self.target.name,
            tuple(_stage(work, index in layout.descending) for index, work in enumerate(works)),
            _offsets(self.graph, layout, storage_of(self.owner, works)),
            {key: at for key, at in _sorted(layout) if isinstance(key, int)},
            layout.arena,
            least,
            {key.node: at for key, at in _sorted(layout) if isinstance(key, Sums)},
        )


def _stage(work: StageWork, descending: bool) -> Stage:
    steps = tuple(
        Step(o.node.name, o.kernel.name, o.rows, o.scratch, o.sums) for o in work.run.operators
    )
    return Stage(steps, descending, dict(work.rings))


def _offsets(graph: Graph, layout: Layout, owner: Mapping[str, str]) -> dict[str, int]:
    """The offset of every value in RAM, in the order of the graph's values."""
    at = layout.offsets
    return {name: at[owner[name]] for name in graph.values if owner[name] in at}


def _sorted(layout: Layout) -> list[tuple[Key, int]]:
    return sorted(layout.offsets.items(), key=str)
