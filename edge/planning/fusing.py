"""Cutting the order of operators into stages where memory is short.

A dynamic programme over cut positions finds the cutting with the fewest joined operators whose
peak is within a limit: fewer joins mean fewer calls on short rows. The smallest peak is found by
lowering the limit until there is no cutting left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.ir import OPS, Graph, Node, RowRule
from edge.planning.accesses import trace
from edge.planning.choice import gathering
from edge.planning.cutting import Group
from edge.planning.kernels import ARRIVAL, Kernel
from edge.planning.lifetimes import (
    ALIGN,
    StageWork,
    aligned,
    ends,
    stage_bytes,
    stage_work,
    steady_bytes,
    tensor_items,
)
from edge.planning.rows import MOST_ROWS, activations, row_count, steps
from edge.planning.slots import slots
from edge.planning.stages import Operator, join, make_operator, ring_rows, schedule

LONGEST = 32  # operators of one stage

Cut = tuple[int, int]  # nodes [lo, hi) form a stage


@dataclass(frozen=True)
class _Cost:
    """Bytes of a stage: what must be live at once, and what it needs if it is made longer."""

    live: int
    longer: int


@dataclass(frozen=True)
class _Best:
    """The best cutting of the nodes before a position; its last stage begins at `lo`."""

    joins: int
    total: int
    peak: int
    lo: int


class Cutter:
    """Cuts the nodes of a graph, in their order, into stages. Stages are simulated once each."""

    def __init__(
        self,
        graph: Graph,
        kernels: Mapping[str, Kernel],
        owner: Mapping[str, str],
        nodes: Sequence[Node],
    ) -> None:
        self.graph, self.owner, self.nodes = graph, owner, tuple(nodes)
        chosen = [(node, kernels.get(node.name, ARRIVAL)) for node in nodes]
        self._alone = [make_operator(graph, node, kernel, True) for node, kernel in chosen]
        self._inside = [_inside(graph, node, kernel) for node, kernel in chosen]
        self._last = [_last(graph, node, kernel) for node, kernel in chosen]
        works = [stage_work(graph, join(graph, [o]), owner, both_ways=False) for o in self._alone]
        self._tensors = tensor_items(graph, works, owner)
        self._least = ends(self._tensors, len(works))
        self._costs = {(i, i + 1): self._cost(work, i, i + 1) for i, work in enumerate(works)}

    def smallest_peak(self) -> list[Group]:
        """The cutting with the smallest peak; under that the fewest joins."""
        best = self._best(max(self._least, *(cost.live for cost in self._costs.values())))
        assert best is not None
        while (lower := self._best(best[-1].peak - ALIGN)) is not None:
            best = lower
        return self._groups(best)

    def fewest_joins(self, limit: int) -> list[Group] | None:
        """The cutting with the fewest joins whose peak is within `limit`, None if there is none.

        Among equals the one whose stages need the least memory in all.
        """
        best = self._best(limit)
        return self._groups(best) if best is not None else None

    def allows(self, groups: Sequence[Group]) -> bool:
        """Whether each group can be a stage."""
        ends = [0]
        for group in groups:
            ends.append(ends[-1] + len(group))
        return all(hi in self._ends(lo) for lo, hi in pairwise(ends))

    def _best(self, limit: int) -> list[_Best] | None:
        """For each position the best cutting of what lies before it."""
        ending: list[list[tuple[int, int]]] = [[] for _ in range(len(self.nodes) + 1)]
        for (lo, hi), live in self._within(limit):
            ending[hi].append((lo, live))
        best: list[_Best | None] = [_Best(0, 0, self._least, 0)]
        for hi in range(1, len(self.nodes) + 1):
            found = [
                _Best(b.joins + self._joins(lo, hi), b.total + live, max(b.peak, live), lo)
                for lo, live in ending[hi]
                if (b := best[lo]) is not None
            ]
            best.append(min(found, key=lambda b: (b.joins, b.total, b.lo), default=None))
        if limit < self._least or best[-1] is None:
            return None
        return [b if b is not None else _Best(0, 0, 0, 0) for b in best]

    def _joins(self, lo: int, hi: int) -> int:
        """What is joined; taking the rows of a streamed input does not count."""
        joins = hi - lo - 1
        return max(joins - 1, 0) if self.nodes[lo].op == ARRIVAL.op else joins

    def _groups(self, best: Sequence[_Best]) -> list[Group]:
        groups: list[Group] = []
        hi = len(self.nodes)
        while hi:
            groups.insert(0, self.nodes[best[hi].lo : hi])
            hi = best[hi].lo
        return groups

    def _within(self, limit: int) -> Iterator[tuple[Cut, int]]:
        """The stages within the limit that are worth it, with their live bytes.

        Operators are joined only to get rid of one that exceeds the limit by itself, or of the
        whole of a streamed input. The rings of a stage with one output stay as they are when it
        is made longer: beyond the limit no longer one is looked at.
        """
        too_large = [
            self._costs[i, i + 1].live > limit or node.op == ARRIVAL.op
            for i, node in enumerate(self.nodes)
        ]
        for lo in range(len(self.nodes)):
            for hi in self._ends(lo):
                if hi > lo + 1 and not any(too_large[lo:hi]):
                    continue
                cost = self._costs.get((lo, hi)) or self._simulated(lo, hi, limit)
                if hi > lo + 1 and cost.longer > limit:
                    break
                if cost.live <= limit:
                    yield (lo, hi), cost.live

    def _ends(self, lo: int) -> Iterator[int]:
        """Where stages that begin at `lo` may end: each operator needs rows of the ones before.

        None writes over a state that another reads.
        """
        yield lo + 1
        made: set[str] = set()
        states = slots(self.graph, self.owner)
        read = self._owners_read(lo)
        for hi in range(lo + 1, min(lo + LONGEST, len(self.nodes))):
            before, operator = self._inside[hi - 1], self._last[hi]
            if before is None or operator is None:
                return
            made.add(before.node.output)
            if not any(span.name in made for span in operator.reads):
                return
            read |= self._owners_read(hi)
            if self.owner[operator.node.output] in read & states:
                return
            yield hi + 1

    def _owners_read(self, index: int) -> set[str]:
        reads = activations(self.graph, self.nodes[index])
        return {self.owner[name] for _, name in reads}

    def _simulated(self, lo: int, hi: int, limit: int) -> _Cost:
        inside = [*self._inside[lo : hi - 1], self._last[hi - 1]]
        run = join(self.graph, [operator for operator in inside if operator is not None])
        tasks = schedule(self.graph, run)
        rings = ring_rows(self.graph, run, tasks)
        steady = steady_bytes(self.graph, run, rings) + self._through(lo, hi)
        if steady > limit:
            return _Cost(steady, steady if len(run.outputs) == 1 else 0)
        work = StageWork(run, (trace(self.graph, run, tasks, self.owner),), rings)
        self._costs[lo, hi] = cost = self._cost(work, lo, hi)
        return cost

    def _cost(self, work: StageWork, lo: int, hi: int) -> _Cost:
        way, tensors = work.ways[0], self._tensors
        read = [name for name in way.reads if name in tensors]
        dying = [name for name in read if tensors[name].first < lo and tensors[name].last < hi]
        outputs = [name for name in way.writes if name in tensors and tensors[name].first >= lo]
        through = self._through(lo, hi)
        steady = steady_bytes(self.graph, work.run, work.rings)
        live = stage_bytes(self.graph, work, way, dying, outputs)
        single = len(work.run.outputs) == 1
        return _Cost(through + live, through + steady if single else 0)

    def _through(self, lo: int, hi: int) -> int:
        """Bytes of the tensors that are made before a stage and needed after it."""
        items = self._tensors.values()
        return sum(aligned(i.size) for i in items if i.first < lo and i.last >= hi)


def _inside(graph: Graph, node: Node, kernel: Kernel) -> Operator | None:
    """A node among others that follow in its stage, None if it cannot be."""
    return make_operator(graph, node, kernel, False) if by_rows(graph, node, kernel) else None


def _last(graph: Graph, node: Node, kernel: Kernel) -> Operator | None:
    """A node behind others at the end of its stage, None if it cannot be."""
    fits = by_rows(graph, node, kernel) or gathering(graph, node) is not None
    return make_operator(graph, node, kernel, False, last=True) if fits else None


def by_rows(graph: Graph, node: Node, kernel: Kernel) -> bool:
    """Whether an operator can make its output row by row from rows of its inputs."""
    if node.op == ARRIVAL.op:
        return True
    if not kernel.flat:
        return OPS[node.op].rows is RowRule.WINDOW
    rows = row_count(graph.type(node.output))
    walked = (n for slot, n in activations(graph, node) if steps(graph, node, slot))
    fits = 1 < rows <= MOST_ROWS
    return fits and all(row_count(graph.type(name)) == rows for name in walked)
