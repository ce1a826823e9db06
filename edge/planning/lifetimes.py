"""What must be placed in the arena, how large it is and from which stage to which it lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.ir import Graph
from edge.planning.accesses import Interval, Trace, trace, unsafe_distances
from edge.planning.kernels import RESHAPE
from edge.planning.stages import Run, ring_bytes, ring_rows, schedule

Key = str | int  # a value's name, or the index of the stage whose scratch it is

ALIGN = 4  # of every offset and of the arena's size: int32 scratch and word loads need it

BEFORE = -1  # when the caller fills the inputs; outputs live until after the last stage


def aligned(size: int) -> int:
    """The size rounded up to whole words: two items never share a word."""
    return -(-size // ALIGN) * ALIGN


@dataclass(frozen=True)
class Item:
    """Memory that is live from stage `first` to stage `last`, both included."""

    key: Key
    size: int
    first: int
    last: int

    def meets(self, other: Item) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, eq=False)
class StageWork:
    """A run with its accesses: `ways[0]` by ascending rows, `ways[1]`, if there, by descending."""

    run: Run
    ways: tuple[Trace, ...]
    rings: Mapping[str, int]

    @property
    def scratch(self) -> int:
        return max(operator.scratch for operator in self.run.operators)


def storage(graph: Graph) -> dict[str, str]:
    """For each value the one whose bytes it shares: itself, or what a reshape renames."""
    owner = {name: name for name in graph.values}
    for node in graph.nodes:
        if node.op == RESHAPE.op:
            owner[node.output] = owner[node.inputs[0]]
    return owner


def stage_work(graph: Graph, run: Run, owner: Mapping[str, str]) -> StageWork:
    """Simulate a run in the directions it allows; both must get by with the same rings."""
    rings = ring_rows(graph, run, schedule(graph, run))
    ways = [trace(graph, run, owner)]
    if run.may_descend and ring_rows(graph, run, schedule(graph, run, True)) == rings:
        ways.append(trace(graph, run, owner, descending=True))
    return StageWork(run, tuple(ways), rings)


def tensor_items(
    graph: Graph, works: Sequence[StageWork], owner: Mapping[str, str]
) -> dict[str, Item]:
    """The whole tensors of a plan; those that share bytes are one item."""
    first = {owner[name]: BEFORE for name in graph.inputs}
    last = dict(first)
    for index, work in enumerate(works):
        for name in work.ways[0].writes:
            if name not in work.run.inner:
                first[name] = last[name] = index
        last.update((name, index) for name in work.ways[0].reads if name in first)
    last.update((owner[name], len(works)) for name in graph.outputs if owner[name] in first)
    return {n: Item(n, graph.type(n).nbytes, first[n], last[n]) for n in first}


def stage_items(graph: Graph, works: Sequence[StageWork]) -> Iterator[Item]:
    """The rings and the scratch of each stage."""
    for index, work in enumerate(works):
        for name, size in ring_bytes(graph, work.rings).items():
            yield Item(name, size, index, index)
        if work.scratch:
            yield Item(index, work.scratch, index, index)


@dataclass(frozen=True)
class Overlap:
    """An input that dies in the stage in which an output is made: they may share bytes.

    `unsafe[way]` are the open intervals where `output offset - input offset` must not lie.
    """

    stage: int
    unsafe: tuple[Sequence[Interval], ...]


def overlaps(
    works: Sequence[StageWork], tensors: Mapping[str, Item]
) -> dict[tuple[str, str], Overlap]:
    """All (input, output) pairs that may overlap."""
    return {
        (read, made): Overlap(
            index, tuple(unsafe_distances(way.reads[read], way.writes[made]) for way in work.ways)
        )
        for index, work in enumerate(works)
        for read in dying(work, tensors, index)
        for made in work.ways[0].writes
        if made in tensors
    }


def dying(work: StageWork, tensors: Mapping[str, Item], index: int) -> list[str]:
    """The whole tensors that stage `index` is the last to read."""
    read = (name for name in work.ways[0].reads if name in tensors)
    return [name for name in read if tensors[name].first < index == tensors[name].last]


def live_bytes(graph: Graph, works: Sequence[StageWork], tensors: Mapping[str, Item]) -> list[int]:
    """For each stage the bytes that must be live at once, in its better direction."""
    return [
        min(_live(graph, work, way, tensors, index) for way in work.ways)
        for index, work in enumerate(works)
    ]


def bound(works: Sequence[StageWork], tensors: Mapping[str, Item], load: Sequence[int]) -> int:
    """The most bytes that must be live at once: in a stage, before the first or after the last."""
    ends = [
        sum(aligned(i.size) for i in tensors.values() if i.first <= moment <= i.last)
        for moment in (BEFORE, len(works))
    ]
    return max(*load, *ends)


def _live(
    graph: Graph, work: StageWork, way: Trace, tensors: Mapping[str, Item], index: int
) -> int:
    """The most of: all inputs, all outputs, what is needed plus what is made at each write."""
    inputs = dying(work, tensors, index)
    outputs = [name for name in way.writes if name in tensors]
    steady = aligned(work.scratch) + sum(map(aligned, ring_bytes(graph, work.rings).values()))
    steady += sum(
        aligned(item.size)
        for name, item in tensors.items()
        if item.first <= index <= item.last and name not in (*inputs, *outputs)
    )
    ends = [sum(aligned(tensors[name].size) for name in names) for names in (inputs, outputs)]
    moments = [way.writes[name].time for name in outputs]
    if moments:
        time = np.concatenate(moments)
        made = sum(way.writes[name].done(time) for name in outputs)
        needed = sum(np.diff(way.reads[name].still_needed(time), axis=0)[0] for name in inputs)
        ends.append(aligned(int(np.max(made + needed))))
    return steady + max(ends)
