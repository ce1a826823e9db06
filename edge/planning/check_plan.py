"""An independent check of a plan: replay every kernel call on an arena of labels.

Each byte of the arena carries the label of the tensor byte that it holds. Every byte that a call
reads must carry its label before the call, and must not be written before the kernel has read it.
At the end each state's place holds what the state has become.
Shares no code with the solver but the row rule and the facts about kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir import Graph, Node, State
from edge.planning.calls import calls
from edge.planning.choice import kernel_named
from edge.planning.kernels import ALIAS, INPUT, Kernel, arrival
from edge.planning.plan import Plan, Stage, Step
from edge.planning.rows import (
    WRITES_INTO,
    activations,
    advances,
    bytes_made,
    bytes_read,
    pixel_elements,
    row_bytes,
)
from edge.planning.states import copies

Labels = npt.NDArray[np.int64]

_EMPTY = -1
_SUMS = -2  # and downwards: the bytes of what a node adds up
_ALIGN = 4


class PlanError(RuntimeError):
    """A plan that would corrupt memory: a defect of the planner, never of the user's model."""


@dataclass(frozen=True)
class _Span:
    """Bytes [low, low + size) of a tensor that lie at `at` in the arena."""

    at: int
    low: int
    size: int


@dataclass(frozen=True)
class _Read:
    """What a call reads of one input, and in how many granules (0: all of it until the end)."""

    name: str
    spans: list[_Span]
    low: int
    granule_bytes: int


def check_plan(graph: Graph, plan: Plan) -> int:
    """The number of byte reads verified. Raises PlanError at the first one that goes wrong."""
    return _Replay(graph, plan).run()


class _Replay:
    """The arena while a plan is executed."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph, self.plan = graph, plan
        self.nodes = {node.name: node for node in graph.nodes}
        self.owner = _owners(graph, plan, self.nodes)
        self.number = {name: i for i, name in enumerate(graph.values)}
        self.labels: Labels = np.full(plan.arena, _EMPTY, np.int64)
        self.verified = 0

    def run(self) -> int:
        self._check_places()
        if not self.plan.input_rows:
            for name in self.graph.inputs:
                self._fill(name, self._whole(name))
        for state in self.graph.states:
            self._fill(state.read, self._whole(state.read))
        for index, stage in enumerate(self.plan.stages):
            for step, row in calls(self.graph, stage):
                if step.kernel != ALIAS:
                    self._call(index, stage, step, row)
        self._renew_states()
        return self.verified

    def _renew_states(self) -> None:
        """Copy what is not in its place; then each state is there, and each output still."""
        for state in copies(self.graph, self.plan):
            made = self._whole(state.written)
            self._verify("the next inference", state.written, [made])
            self._fill(state.written, self._place(state))
        for state in self.graph.states:
            self._verify("the next inference", state.written, [self._place(state)])
        for name in self.graph.outputs:
            if not self.graph.is_constant(name):
                self._verify("the caller", name, [self._whole(name)])

    def _place(self, state: State) -> _Span:
        return self._whole(state.read)

    def _check_places(self) -> None:
        for name, at in self.plan.offsets.items():
            size = self.graph.type(name).nbytes
            ring = next((s.rings[name] for s in self.plan.stages if name in s.rings), 0)
            if ring:
                size = ring * row_bytes(self.graph.type(name))
            self._check_place(name, at, size)
            if at != self.plan.offsets[self.owner[name]]:
                raise PlanError(f"{name} and {self.owner[name]} share bytes but lie apart")
        for index, at in self.plan.scratch_offsets.items():
            self._check_place(f"scratch of stage {index}", at, _scratch(self.plan.stages[index]))
        for step in (step for stage in self.plan.stages for step in stage.steps if step.sums):
            if step.node not in self.plan.sums:
                raise PlanError(f"{step.node} has no place for its sums")
            self._check_place(f"sums of {step.node}", self.plan.sums[step.node], step.sums)

    def _check_place(self, what: str, at: int, size: int) -> None:
        if at % _ALIGN or at < 0 or at + size > self.plan.arena:
            raise PlanError(f"{what}: {size} bytes at {at} in an arena of {self.plan.arena}")

    def _whole(self, name: str) -> _Span:
        return _Span(self._offset(name), 0, self.graph.type(name).nbytes)

    def _offset(self, name: str) -> int:
        if name not in self.plan.offsets:
            raise PlanError(f"{name} has no place")
        return self.plan.offsets[name]

    def _spans(self, stage: Stage, name: str, low: int, high: int) -> list[_Span]:
        """Where the bytes [low, high) of a tensor are: row by row in a ring."""
        base = self._offset(name)
        if name not in stage.rings:
            return [_Span(base + low, low, high - low)]
        size = row_bytes(self.graph.type(name))
        rows = range(low // size, -(-high // size))
        return [_Span(base + r % stage.rings[name] * size, r * size, size) for r in rows]

    def _label(self, name: str, span: _Span) -> Labels:
        first = (self.number[self.owner[name]] << 32) + span.low
        return np.arange(first, first + span.size)

    def _fill(self, name: str, span: _Span) -> None:
        self.labels[span.at : span.at + span.size] = self._label(name, span)

    def _verify(self, reader: str, name: str, spans: list[_Span]) -> None:
        for span in spans:
            self.verified += span.size
            wrong = self.labels[span.at : span.at + span.size] != self._label(name, span)
            if wrong.any():
                byte = span.low + int(np.argmax(wrong))
                raise PlanError(f"{reader} needs byte {byte} of {name}, which is overwritten")

    def _call(self, index: int, stage: Stage, step: Step, row: int) -> None:
        node = arrival(step.node) if step.kernel == INPUT else self.nodes[step.node]
        kernel = kernel_named(step.kernel, node.op)
        made = self._made(stage, step, node, row)
        reads = list(self._reads(stage, step, node, row, kernel))
        self._use_scratch(index, step, made)
        for read in reads:
            self._verify(step.node, read.name, read.spans)
            for span in read.spans:
                self._outlives_writes(step, read, span, made, kernel)
        self._add_up(step, row, made)
        self._fill(node.output, made)

    def _made(self, stage: Stage, step: Step, node: Node, row: int) -> _Span:
        low, high = bytes_made(self.graph, node, row, step.rows)
        if low == high:
            return _Span(0, 0, 0)
        [made] = self._spans(stage, node.output, low, high)
        return made

    def _add_up(self, step: Step, row: int, made: _Span) -> None:
        """Sums are still there from the call before; nothing else may have been written on them."""
        if not step.sums:
            return
        at, label = self.plan.sums[step.node], _SUMS - np.arange(step.sums)
        here = self.labels[at : at + step.sums]
        if row > 0 and (here != label).any():
            raise PlanError(f"{step.node} has lost its sums")
        if at < made.at + made.size and made.at < at + step.sums:
            raise PlanError(f"{step.node} writes its output into its sums")
        here[:] = label

    def _reads(
        self, stage: Stage, step: Step, node: Node, row: int, kernel: Kernel
    ) -> Iterator[_Read]:
        for slot, name in activations(self.graph, node):
            low, high = bytes_read(self.graph, node, slot, row, step.rows)
            granule = 0
            if kernel.flat and advances(self.graph, node, slot):
                granule = (high - low) // self._pixels(step) * kernel.granule
            yield _Read(name, self._spans(stage, name, low, high), low, granule)

    def _pixels(self, step: Step) -> int:
        """Pixels of one call."""
        node = self.nodes[step.node]
        elements = self.graph.type(node.output).elements // step.rows
        return elements // pixel_elements(self.graph, node)

    def _use_scratch(self, index: int, step: Step, made: _Span) -> None:
        if not step.scratch:
            return
        if index not in self.plan.scratch_offsets:
            raise PlanError(f"{step.node} has no scratch")
        at = self.plan.scratch_offsets[index]
        if at < made.at + made.size and made.at < at + step.scratch:
            raise PlanError(f"{step.node} writes its output into its scratch")
        self.labels[at : at + step.scratch] = _EMPTY

    def _outlives_writes(
        self, step: Step, read: _Read, span: _Span, made: _Span, kernel: Kernel
    ) -> None:
        """Each byte of `span` that the call also writes must have been read by then."""
        low = max(span.at, made.at)
        address = np.arange(low, min(span.at + span.size, made.at + made.size))
        if not len(address):
            return
        granule = made.size // self._pixels(step) * kernel.granule if read.granule_bytes else 0
        if not granule:
            raise PlanError(f"{step.node} writes over {read.name} while it reads it")
        written = (address - made.at) // granule
        needed = (address - span.at + span.low - read.low) // read.granule_bytes
        early = written < needed if kernel.buffered else written <= needed
        if early.any():
            raise PlanError(f"{step.node} writes over {read.name} before it has read it")


def _owners(graph: Graph, plan: Plan, nodes: Mapping[str, Node]) -> dict[str, str]:
    """For each value the one whose bytes it shares."""
    owner = {name: name for name in graph.values}
    for stage in plan.stages:
        for step in stage.steps:
            node = nodes.get(step.node)
            if node is not None and (step.kernel == ALIAS or node.op in WRITES_INTO):
                owner[node.output] = owner[node.inputs[0]]
    return owner


def _scratch(stage: Stage) -> int:
    return max(step.scratch for step in stage.steps)
