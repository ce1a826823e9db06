"""One operator with random quantization: run in numpy and by its kernel, then compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge import reference
from edge.emit.descriptors import Descriptor, describe
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes
from edge.ir.types import Array
from edge.planning.plan import Step

from .host import GuardedBytes, Kernels, Rows, rows_of


@dataclass(frozen=True, eq=False)
class Case:
    """A graph of one node, its inputs and the kernel under test.

    The kernel makes the output in `rows` calls; input i is presented as in_rows[i] rows.
    """

    graph: Graph
    inputs: tuple[Array, ...]
    kernel: str
    rows: int = 1
    in_rows: tuple[int, ...] = ()

    @property
    def node(self) -> Node:
        return self.graph.nodes[0]

    @property
    def descriptor(self) -> Descriptor:
        step = Step(self.node.name, f"ref/{self.kernel}", self.rows)
        return describe(self.graph, self.node, step, "case")

    @property
    def presented(self) -> list[Rows]:
        counts = self.in_rows or (1,) * len(self.inputs)
        return [rows_of(x, n) for x, n in zip(self.inputs, counts, strict=True)]

    @property
    def expected(self) -> Array:
        return reference.run(self.graph, list(self.inputs))[self.node.output]

    def shaped(self, memory: GuardedBytes) -> Array:
        made = self.graph.type(self.node.output)
        return memory.inside.view(made.dtype.numpy).reshape(made.shape)


def one_node(
    op: str,
    inputs: Sequence[Value],
    attrs: Mapping[str, Attr],
    rounding: Rounding,
    made: Quantization | None,
    dtype: DType = DType.INT8,
) -> Graph:
    """The graph of a single operator; its output is quantized as `made`."""
    values = {value.name: value for value in inputs}
    node = Node("node", op, tuple(value.name for value in inputs), ("out",), attrs)
    activations = tuple(value.name for value in inputs if not value.is_constant)
    graph = Graph("case", activations, ("out",), (node,), values, rounding)
    out = Value("out", TensorType(infer_shapes(graph, node)[0], dtype, made))
    return check(Graph("case", activations, ("out",), (node,), {**values, "out": out}, rounding))


def activation(name: str, shape: Sequence[int], quantization: Quantization | None) -> Value:
    dtype = DType.INT8 if quantization else DType.FLOAT32
    return Value(name, TensorType(tuple(shape), dtype, quantization))


def constant(name: str, data: Array, quantization: Quantization | None = None) -> Value:
    return Value(name, TensorType(data.shape, DType(data.dtype.name), quantization), data)


def run(kernels: Kernels, case: Case) -> Array:
    """The output of the kernel on whole tensors, every buffer checked."""
    inputs, descriptor = case.presented, case.descriptor
    out = GuardedBytes(case.graph.type(case.node.output).nbytes)
    for y, row in enumerate(_split(out, case.rows)):
        kernels.call(case.kernel, descriptor, inputs, y, row)
    for memory, data in zip((rows.memory for rows in inputs), case.inputs, strict=True):
        memory.check()
        assert memory.inside.tobytes() == data.tobytes(), "a kernel changed its input"
    out.check()
    return case.shaped(out)


def run_in_place(kernels: Kernels, case: Case) -> Array:
    """The output of a flat kernel that writes over its first input."""
    inputs, descriptor = case.presented, case.descriptor
    for y, row in enumerate(_split(inputs[0].memory, case.rows)):
        kernels.call(case.kernel, descriptor, inputs, y, row)
    inputs[0].memory.check()
    return case.shaped(inputs[0].memory)


def run_trailing(kernels: Kernels, case: Case, distance: int) -> Array:
    """The output of a flat kernel that starts `distance` bytes before the input it overwrites."""
    given = case.presented[0]
    memory = GuardedBytes(distance + given.row_bytes)
    memory.inside[distance:] = given.memory.inside
    rows = Rows(memory.part(distance, given.row_bytes), given.row_bytes, 1, 1)
    out = memory.part(0, case.graph.type(case.node.output).nbytes)
    kernels.call(case.kernel, case.descriptor, [rows], 0, out.inside)
    memory.check()
    return case.shaped(out)


def run_in_ring(kernels: Kernels, case: Case, ring: int, last_row_read: Sequence[int]) -> Array:
    """The output of a window kernel whose input passes through a ring of rows.

    last_row_read[y] is the last input row that output row y needs.
    """
    given = case.presented[0]
    memory = GuardedBytes(ring * given.row_bytes)
    rows = Rows(memory, given.row_bytes, given.rows, ring)
    out = GuardedBytes(case.graph.type(case.node.output).nbytes)
    descriptor = case.descriptor
    filled = 0
    for y, row in enumerate(_split(out, case.rows)):
        for r in range(filled, min(last_row_read[y] + 1, given.rows)):
            _row(memory, r % ring, given.row_bytes)[:] = _row(given.memory, r, given.row_bytes)
            filled = r + 1
        kernels.call(case.kernel, descriptor, [rows], y, row)
    memory.check()
    out.check()
    return case.shaped(out)


def _split(memory: GuardedBytes, rows: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    yield from memory.inside.reshape(rows, -1)


def _row(
    memory: GuardedBytes, index: int, row_bytes: int
) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return memory.inside[index * row_bytes : (index + 1) * row_bytes]
