"""What a stage reads and writes over time, and how far its output may reach into its input.

A kernel stores while it reads, so the bytes a call reads must survive its writes. A flat kernel
works through a row in granules; a buffered one has read a granule before it writes it. From the two
access lists of an input and an output follow, exactly, all distances between them that are unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir import Graph
from edge.planning.rows import activations, advances, bytes_read, pixel_elements
from edge.planning.stages import Operator, Run, schedule

Ints = npt.NDArray[np.int64]
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
        """For each moment the number of bytes accessed up to and including it."""
        total = np.append(0, np.cumsum(self.high - self.low))
        return total[np.searchsorted(self.time, time, side="right")]


@dataclass(frozen=True, eq=False)
class Trace:
    """All accesses of a stage by tensor name. Writes happen at odd times."""

    reads: Mapping[str, Accesses]
    writes: Mapping[str, Accesses]


_Access = tuple[bool, str, Ints, Ints, Ints]  # (is a write, tensor, time, low, high)


def trace(graph: Graph, run: Run, owner: Mapping[str, str], descending: bool = False) -> Trace:
    """Follow the schedule of a run through all its reads and writes.

    `owner` gives for each value the one whose bytes it shares; that one is accessed.
    """
    accesses: list[_Access] = []
    clock = 0
    for index, row in schedule(graph, run, descending):
        operator = run.operators[index]
        if not operator.is_alias:
            accesses += _task(graph, operator, row, clock)
        clock += _granules(graph, operator)
    return Trace(_by_tensor(accesses, owner, False), _by_tensor(accesses, owner, True))


def _by_tensor(
    accesses: Sequence[_Access], owner: Mapping[str, str], writes: bool
) -> dict[str, Accesses]:
    grouped: dict[str, list[_Access]] = {}
    for access in accesses:
        if access[0] is writes:
            grouped.setdefault(owner[access[1]], []).append(access)
    return {name: _join(group) for name, group in grouped.items()}


def _join(accesses: Sequence[_Access]) -> Accesses:
    time, low, high = (np.concatenate([a[i] for a in accesses]) for i in (2, 3, 4))
    order = np.argsort(time, kind="stable")
    order = order[low[order] < high[order]]
    return Accesses(time[order], low[order], high[order])


def _granules(graph: Graph, operator: Operator) -> int:
    if not operator.kernel.flat:
        return 1
    elements = graph.type(operator.node.output).elements // operator.rows
    pixels = elements // pixel_elements(graph, operator.node)
    return -(-pixels // operator.kernel.granule)


def _task(graph: Graph, operator: Operator, row: int, clock: int) -> Iterator[_Access]:
    """The accesses of one kernel call. Whatever is not walked through is read to the very end."""
    node, kernel = operator.node, operator.kernel
    count = _granules(graph, operator)
    time = 2 * (clock + np.arange(count)) + 1
    size = graph.type(node.output).nbytes // operator.rows
    yield True, node.output, time, *_pieces(graph, operator, row * size, (row + 1) * size, count)
    for slot, name in activations(graph, node):
        low, high = bytes_read(graph, node, slot, row, operator.rows)
        if kernel.flat and advances(graph, node, slot):
            pieces = _pieces(graph, operator, low, high, count)
            yield False, name, time - 1 if kernel.buffered else time, *pieces
        else:
            yield False, name, time[-1:], np.array([low]), np.array([high])


def _pieces(graph: Graph, operator: Operator, low: int, high: int, count: int) -> tuple[Ints, Ints]:
    """Cut the bytes of a row into those of its granules."""
    if not operator.kernel.flat:
        return np.array([low]), np.array([high])
    pixels = graph.type(operator.node.output).elements // operator.rows
    pixels //= pixel_elements(graph, operator.node)
    step = (high - low) // pixels * operator.kernel.granule
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
