"""Executes a plan call by call in one byte array, with the reference's operators."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.ir import Graph, Node
from edge.ir.types import Array
from edge.planning import Plan, Stage, Step
from edge.planning.calls import calls
from edge.planning.rows import activations, bytes_made, bytes_read, row_bytes
from edge.reference.call import Call
from edge.reference.kernels import execute

Bytes = np.ndarray


class Machine:
    """An arena that starts as junk and only holds what kernels write."""

    def __init__(self, graph: Graph, plan: Plan, seed: int = 0) -> None:
        self.graph, self.plan = graph, plan
        self.rng = np.random.default_rng(seed)
        self.arena = self._junk(plan.arena)
        self.nodes = {node.name: node for node in graph.nodes}
        self.sums: dict[str, tuple[Array, bytes]] = {}

    def run(self, inputs: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
        """Execute the plan; every row must equal that of the `expected` tensor when it is made."""
        if not self.plan.input_rows:
            for name, array in inputs.items():
                at = self.plan.offsets[name]
                self.arena[at : at + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
        for index, stage in enumerate(self.plan.stages):
            for step, row in calls(self.graph, stage):
                if step.kernel == "input":
                    self._give(stage, step, row, inputs[step.node])
                elif step.kernel != "alias":
                    self._call(index, stage, step, row, expected)
        for name in self.graph.outputs:
            at, size = self.plan.offsets[name], self.graph.type(name).nbytes
            assert self.arena[at : at + size].tobytes() == expected[name].tobytes(), name

    def _give(self, stage: Stage, step: Step, row: int, array: Array) -> None:
        """The caller writes a row of the input."""
        size = array.nbytes // step.rows
        places = self._addresses(stage, step.node, row * size, (row + 1) * size)
        self.arena[places] = np.frombuffer(array.tobytes(), np.uint8)[row * size : (row + 1) * size]

    def _call(
        self, index: int, stage: Stage, step: Step, row: int, expected: Mapping[str, Array]
    ) -> None:
        node = self.nodes[step.node]
        seen = [self.graph.values[name].data if name else None for name in node.inputs]
        for slot, name in activations(self.graph, node):
            seen[slot] = self._visible(stage, step, node, slot, name, row)
        if step.scratch:
            at = self.plan.scratch_offsets[index]
            self.arena[at : at + step.scratch] = self._junk(step.scratch)
        if step.sums:
            seen[0] = self._gathered(step, row, seen[0])
        low, high = bytes_made(self.graph, node, row, step.rows)
        if low == high:
            return
        own = execute(Call(self.graph, node, tuple(seen))).tobytes()[low:high]
        assert own == expected[node.output].tobytes()[low:high], f"row {row} of {node.output}"
        places = self._addresses(stage, node.output, low, high)
        self.arena[places] = np.frombuffer(own, np.uint8)

    def _gathered(self, step: Step, row: int, seen: Array) -> Array:
        """The rows that a gathering call has seen so far, by sums that nobody has touched."""
        at = self.plan.sums[step.node]
        before = self.sums.get(step.node)
        if row > 0:
            assert self.arena[at : at + step.sums].tobytes() == before[1], step.node
        self.arena[at : at + step.sums] = self._junk(step.sums)
        rows = seen.copy() if row == 0 else before[0]
        rows[:, row] = seen[:, row]
        self.sums[step.node] = rows, self.arena[at : at + step.sums].tobytes()
        return rows

    def _visible(
        self, stage: Stage, step: Step, node: Node, slot: int, name: str, row: int
    ) -> Array:
        """The input tensor with junk wherever the row rule says that it is not read."""
        tensor = self.graph.type(name)
        low, high = bytes_read(self.graph, node, slot, row, step.rows)
        whole = self._junk(tensor.nbytes)
        if tensor.dtype.numpy.kind == "f":
            whole[:] = 0
        whole[low:high] = self.arena[self._addresses(stage, name, low, high)]
        return whole.view(tensor.dtype.numpy).reshape(tensor.shape)

    def _addresses(self, stage: Stage, name: str, low: int, high: int) -> Bytes:
        byte = np.arange(low, high)
        if name in stage.rings:
            size = row_bytes(self.graph.type(name))
            byte = byte // size % stage.rings[name] * size + byte % size
        return self.plan.offsets[name] + byte

    def _junk(self, size: int) -> Bytes:
        return self.rng.integers(0, 256, size, dtype=np.uint8)
