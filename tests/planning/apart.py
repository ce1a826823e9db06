"""Plans with chosen stages in which nothing overlaps, to be spoiled one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.ir import Graph
from edge.planning import Plan, Stage, Step
from edge.planning.choice import cheapest
from edge.planning.cutting import Group, works_of
from edge.planning.lifetimes import (
    Item,
    Key,
    Overlap,
    StageWork,
    Sums,
    overlaps,
    stage_items,
    storage,
    storage_of,
    tensor_items,
)


@dataclass(frozen=True)
class Apart:
    """The solver's view of some stages, with all items side by side."""

    graph: Graph
    works: Sequence[StageWork]
    owner: Mapping[str, str]
    tensors: Mapping[str, Item]
    pairs: Mapping[tuple[str, str], Overlap]

    def plan(self, moved: Mapping[str, int] | None = None, way: int = 0) -> Plan:
        """The plan in the direction `way`, with some tensors put elsewhere."""
        at = self.offsets() | (moved or {})
        items = [*self.tensors.values(), *stage_items(self.graph, self.works)]
        arena = max(at[item.key] + item.size for item in items)
        owner = storage_of(self.owner, self.works)
        offsets = {n: at[o] for n, o in owner.items() if o in at}
        scratch = {key: value for key, value in at.items() if isinstance(key, int)}
        sums = {key.node: value for key, value in at.items() if isinstance(key, Sums)}
        stages = tuple(_stage(work, way) for work in self.works)
        return Plan("apart", "test", stages, offsets, scratch, arena, 0, sums)

    def offsets(self) -> dict[Key, int]:
        """Items one after another, each with as much room around it as all need together."""
        items = [*self.tensors.values(), *stage_items(self.graph, self.works)]
        room = sum(-(-item.size // 4) * 4 for item in items)
        return {item.key: (2 * i + 1) * room for i, item in enumerate(items)}


def _stage(work: StageWork, way: int) -> Stage:
    steps = (
        Step(o.node.name, o.kernel.name, o.rows, o.scratch, o.sums) for o in work.run.operators
    )
    return Stage(tuple(steps), way == 1 and len(work.ways) == 2, dict(work.rings))


def apart(graph: Graph, groups: Sequence[Group], folders: tuple[str, ...]) -> Apart:
    """Simulate a graph cut into the given stages."""
    kernels = cheapest(graph, folders)
    owner = storage(graph)
    works = works_of(graph, kernels, owner, groups)
    tensors = tensor_items(graph, works, owner)
    return Apart(graph, works, owner, tensors, overlaps(works, tensors))
