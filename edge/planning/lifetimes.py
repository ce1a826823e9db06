"""What must be placed in the arena, how large it is and from which stage to which it lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.ir import Graph
from edge.planning.accesses import Interval, Trace, trace, unsafe_distances
from edge.planning.kernels import RESHAPE
from edge.planning.rows import WRITES_INTO
from edge.planning.slots import slots
from edge.planning.stages import Run, holder, ring_bytes, ring_rows, schedule


@dataclass(frozen=True)
class Sums:
    """Names what a node adds up from call to call."""

    node: str


Key = str | int | Sums  # a value's name, or the index of the stage whose scratch it is

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
        return self.run.scratch

    @property
    def sums(self) -> dict[str, int]:
        """Bytes that operators keep between their calls, by node."""
        return {o.node.name: o.sums for o in self.run.operators if o.sums}


def storage(graph: Graph) -> dict[str, str]:
    """For each value the one whose bytes it shares: itself, or what a reshape renames.

    What an operator writes into a state is the state.
    """
    owner = {name: name for name in graph.values}
    for node in graph.nodes:
        if node.op in (RESHAPE.op, *WRITES_INTO):
            owner[node.output] = owner[node.inputs[0]]
    return owner


def storage_of(owner: Mapping[str, str], works: Sequence[StageWork]) -> dict[str, str]:
    """`owner`, where what a stage writes over in place shares bytes too."""
    owner = dict(owner)
    for work in works:
        owner |= {name: owner[holder(work.run, name)] for name in work.run.in_place}
    return owner


def stage_work(
    graph: Graph, run: Run, owner: Mapping[str, str], both_ways: bool = True
) -> StageWork:
    """Simulate a run in the directions it allows; both must get by with the same rings."""
    tasks = schedule(graph, run)
    rings = ring_rows(graph, run, tasks)
    ways = [trace(graph, run, tasks, owner)]
    if both_ways and run.may_descend:
        tasks = schedule(graph, run, True)
        if ring_rows(graph, run, tasks) == rings:
            ways.append(trace(graph, run, tasks, owner))
    return StageWork(run, tuple(ways), rings)


def tensor_items(
    graph: Graph, works: Sequence[StageWork], owner: Mapping[str, str]
) -> dict[str, Item]:
    """The whole tensors of a plan; those that share bytes are one item.

    A state is there all the time.
    """
    arriving = {o.node.output for work in works[:1] for o in work.run.operators}
    first = {owner[name]: BEFORE for name in graph.given if name not in arriving}
    last = dict(first)
    states = slots(graph, owner)
    for index, work in enumerate(works):
        for name in work.ways[0].writes:
            if name not in work.run.inner and name not in states:
                first[name] = last[name] = index
        last.update((name, index) for name in work.ways[0].reads if name in first)
    stays = (*states, *(owner[name] for name in graph.kept))
    last.update((name, len(works)) for name in stays if name in first)
    return {n: Item(n, graph.type(n).nbytes, first[n], last[n]) for n in first}


def stage_items(graph: Graph, works: Sequence[StageWork]) -> Iterator[Item]:
    """The rings, the sums and the scratch of each stage."""
    for index, work in enumerate(works):
        for name, size in ring_bytes(graph, work.run, work.rings).items():
            yield Item(name, size, index, index)
        for node, size in work.sums.items():
            yield Item(Sums(node), size, index, index)
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
        for made in born(work.ways[0], tensors, index)
    }


def dying(work: StageWork, tensors: Mapping[str, Item], index: int) -> list[str]:
    """The whole tensors that stage `index` is the last to read."""
    read = (name for name in work.ways[0].reads if name in tensors)
    return [name for name in read if tensors[name].first < index == tensors[name].last]


def born(way: Trace, tensors: Mapping[str, Item], index: int) -> list[str]:
    """The whole tensors that stage `index` makes, less those that lie over a state."""
    return [name for name in way.writes if name in tensors and tensors[name].first == index]


def live_bytes(graph: Graph, works: Sequence[StageWork], tensors: Mapping[str, Item]) -> list[int]:
    """For each stage the bytes that must be live at once, in its better direction."""
    return [
        min(_live(graph, work, way, tensors, index) for way in work.ways)
        for index, work in enumerate(works)
    ]


def bound(works: Sequence[StageWork], tensors: Mapping[str, Item], load: Sequence[int]) -> int:
    """The most bytes that must be live at once: in a stage, before the first or after the last."""
    return max(*load, ends(tensors, len(works)))


def ends(tensors: Mapping[str, Item], stages: int) -> int:
    """The most bytes that are live before the first stage or after the last."""
    return max(
        sum(aligned(i.size) for i in tensors.values() if i.first <= moment <= i.last)
        for moment in (BEFORE, stages)
    )


def _live(
    graph: Graph, work: StageWork, way: Trace, tensors: Mapping[str, Item], index: int
) -> int:
    inputs = dying(work, tensors, index)
    outputs = born(way, tensors, index)
    through = sum(
        aligned(item.size)
        for name, item in tensors.items()
        if item.first <= index <= item.last and name not in (*inputs, *outputs)
    )
    return through + stage_bytes(graph, work, way, inputs, outputs)


def stage_bytes(
    graph: Graph, work: StageWork, way: Trace, inputs: Sequence[str], outputs: Sequence[str]
) -> int:
    """The most that a stage needs at once beside the tensors that live through it.

    Its rings, sums and scratch, and the most of: all inputs (that die here), all outputs, what is
    needed of the inputs plus what is made of the outputs at each write.
    """
    sizes = (inputs, outputs)
    most = [sum(aligned(graph.type(name).nbytes) for name in names) for names in sizes]
    moments = [way.writes[name].time for name in outputs]
    if moments:
        time = np.concatenate(moments)
        made = sum(way.writes[name].done(time) for name in outputs)
        needed = sum(np.diff(way.reads[name].still_needed(time), axis=0)[0] for name in inputs)
        most.append(aligned(int(np.max(made + needed))))
    return steady_bytes(graph, work.run, work.rings) + max(most)


def steady_bytes(graph: Graph, run: Run, rings: Mapping[str, int]) -> int:
    """The rings, the sums and the scratch of a stage."""
    sizes = [*ring_bytes(graph, run, rings).values(), *(o.sums for o in run.operators)]
    return aligned(run.scratch) + sum(map(aligned, sizes))
