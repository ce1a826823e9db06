"""What a stage reads and writes over time, and how far its output may reach into its input.

A kernel stores while it reads, so the bytes a call reads must survive its writes. A flat kernel
works through a row in granules; a buffered one has read a granule before it writes it. From the two
access lists of an input and an output follow, exactly, all distances between them that are unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.ir import Graph
from edge.planning.rows import advances, pixel_elements
from edge.planning.stages import Ints, Operator, Run, Spans, Task, holder

Interval = tuple[int, int]  # the open interval of unsafe distances


@dataclass(frozen=True, eq=False)
class Accesses:
    """Bytes [low, high) of one tensor accessed at `time`, in order of time."""

    time: Ints
    low: Ints
    high: Ints

    def still_needed(self, time: Ints) -> tuple[Ints, Ints]:
        """For each moment the hull [low, high) of what is accessed then or later; empty: (0, 0)."""
        low = np.append(np.minimum.accumulate(self.low[::-1])[::-1], 0)
        high = np.append(np.maximum.accumulate(self.high[::-1])[::-1], 0)
        first = np.searchsorted(self.time, time)
        return low[first], high[first]

    def done(self, time: Ints) -> Ints:
        """For each moment the size of the hull of what is accessed up to and including it."""
        hull = np.maximum.accumulate(self.high) - np.minimum.accumulate(self.low)
        return np.append(0, hull)[np.searchsorted(self.time, time, side="right")]


@dataclass(frozen=True, eq=False)
class Trace:
    """All accesses of a stage to whole tensors, by name. Writes happen at odd times."""

    reads: Mapping[str, Accesses]
    writes: Mapping[str, Accesses]


_Access = tuple[bool, str, Ints, Ints, Ints]  # (is a write, tensor, time, low, high)


def trace(graph: Graph, run: Run, tasks: Sequence[Task], owner: Mapping[str, str]) -> Trace:
    """Follow the row tasks of a run through all their reads and writes.

    `owner` gives for each value the one whose bytes it shares; that one is accessed.
    """
    shared = {**owner, **{name: owner[holder(run, name)] for name in run.in_place}}
    order = np.array(tasks, np.int64).reshape(-1, 2)
    granules = np.array([_granules(graph, operator) for operator in run.operators], np.int64)
    ticks = granules[order[:, 0]]
    clock = np.cumsum(ticks) - ticks
    whole = {name for name, kept in shared.items() if kept not in run.inner}
    accesses: list[_Access] = []
    for index, operator in enumerate(run.operators):
        mine = order[:, 0] == index
        if operator.is_alias:
            continue
        accesses += _accesses(
            graph, operator, whole, order[mine, 1], clock[mine], int(granules[index])
        )
    return Trace(_by_tensor(accesses, shared, False), _by_tensor(accesses, shared, True))


def _by_tensor(
    accesses: Sequence[_Access], owner: Mapping[str, str], writes: bool
) -> dict[str, Accesses]:
    grouped: dict[str, list[_Access]] = {}
    for access in accesses:
        if access[0] is writes:
            grouped.setdefault(owner[access[1]], []).append(access)
    return {name: _join(group) for name, group in grouped.items()}


def _join(accesses: Sequence[_Access]) -> Accesses:
    parts = zip(
        *((t.ravel(), low.ravel(), high.ravel()) for _, _, t, low, high in accesses), strict=True
    )
    time, low, high = map(np.concatenate, parts)
    order = np.argsort(time, kind="stable")
    order = order[low[order] < high[order]]
    return Accesses(time[order], low[order], high[order])


def _granules(graph: Graph, operator: Operator) -> int:
    """The pieces in which a call works through its row."""
    if not operator.kernel.flat:
        return 1
    return -(-_pixels(graph, operator) // operator.kernel.granule)


def _pixels(graph: Graph, operator: Operator) -> int:
    elements = graph.type(operator.node.output).elements // operator.rows
    return elements // pixel_elements(graph, operator.node)


def _accesses(
    graph: Graph, operator: Operator, whole: set[str], rows: Ints, clock: Ints, count: int
) -> Iterator[_Access]:
    """What the calls for `rows` access of whole tensors.

    What is not walked through is read to the very end.
    """
    kernel = operator.kernel
    time = 2 * (clock[:, None] + np.arange(count)) + 1
    if operator.node.output in whole:
        made = _pieces(graph, operator, operator.made, rows, count)
        yield True, operator.node.output, time, *made
    for span in operator.reads:
        if span.name not in whole:
            continue
        if kernel.flat and advances(graph, operator.node, span.slot):
            pieces = _pieces(graph, operator, span, rows, count)
            yield False, span.name, time - 1 if kernel.buffered else time, *pieces
        else:
            yield False, span.name, time[:, -1:], span.low[rows, None], span.high[rows, None]


def _pieces(
    graph: Graph, operator: Operator, span: Spans, rows: Ints, count: int
) -> tuple[Ints, Ints]:
    """Cut the bytes of each row into those of its granules: int[rows, granules] each."""
    low, high = span.low[rows, None], span.high[rows, None]
    if not operator.kernel.flat:
        return low, high
    step = (high - low) // _pixels(graph, operator) * operator.kernel.granule
    start = low + step * np.arange(count)
    return start, np.minimum(start + step, high)


def unsafe_distances(reads: Accesses, writes: Accesses) -> list[Interval]:
    """The open intervals in which `output offset - input offset` must not lie.

    `reads` are those of the input, `writes` those of the output. A write to output bytes [w, x)
    while input bytes [low, high) are still needed excludes distances between low - x and high - w.
    """
    low, high = reads.still_needed(writes.time)
    needed = low < high
    starts, ends = (low - writes.high)[needed], (high - writes.low)[needed]
    return merge(np.stack([starts, ends], axis=1))


def merge(intervals: Ints) -> list[Interval]:
    """The union of open intervals int[n, 2] as disjoint intervals in ascending order."""
    if not len(intervals):
        return []
    ordered = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    new = np.append(True, ordered[1:, 0] >= reach[:-1])
    last = np.append(np.flatnonzero(new)[1:] - 1, len(ordered) - 1)
    return list(zip(ordered[new, 0].tolist(), reach[last].tolist(), strict=True))
