"""Executes a plan call by call in one byte array, with the reference's operators."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.ir import Graph, Node
from edge.ir.types import Array
from edge.planning import Plan, Stage, Step
from edge.planning.check_plan import calls
from edge.planning.rows import activations, bytes_read, row_bytes
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

    def run(self, inputs: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
        """Execute the plan; every row must equal that of the `expected` tensor when it is made."""
        for name, array in inputs.items():
            at = self.plan.offsets[name]
            self.arena[at : at + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
        for index, stage in enumerate(self.plan.stages):
            for step, row in calls(self.graph, stage):
                if step.kernel != "alias":
                    self._call(index, stage, step, row, expected)
        for name in self.graph.outputs:
            at, size = self.plan.offsets[name], self.graph.type(name).nbytes
            assert self.arena[at : at + size].tobytes() == expected[name].tobytes(), name

    def _call(
        self, index: int, stage: Stage, step: Step, row: int, expected: Mapping[str, Array]
    ) -> None:
        node = self.nodes[step.node]
        seen = [self.graph.values[name].data if name else None for name in node.inputs]
        for slot, name in activations(self.graph, node):
            seen[slot] = self._visible(stage, step, node, slot, name, row)
        made = execute(Call(self.graph, node, tuple(seen)))
        if step.scratch:
            at = self.plan.scratch_offsets[index]
            self.arena[at : at + step.scratch] = self._junk(step.scratch)
        size = self.graph.type(node.output).nbytes // step.rows
        own = made.tobytes()[row * size : (row + 1) * size]
        right = expected[node.output].tobytes()[row * size : (row + 1) * size]
        assert own == right, f"row {row} of {node.output}"
        places = self._addresses(stage, node.output, row * size, (row + 1) * size)
        self.arena[places] = np.frombuffer(own, np.uint8)

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
