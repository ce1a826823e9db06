"""Row rules in bytes: which bytes of its inputs an operator reads to make one row of its output.

A tensor [1, H, W, C] has H rows, every other tensor one. An operator is presented as `rows` calls:
as many as its output has rows, or 1 for a call that sees whole tensors, or, if it gathers sums, as
many as its input has rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from edge.ir import OPS, Graph, Node, RowRule, TensorType
from edge.ir.ops import attributes

Bytes = tuple[int, int]

WRITES_INTO = ("append",)  # operators whose output is their first input, of which they keep most

MOST_ROWS = 2**15 - 1  # of a tensor that is made row by row: generated code counts in int16


def row_count(tensor: TensorType) -> int:
    """Rows of a tensor in memory."""
    shape = tensor.shape
    return shape[1] if len(shape) == 4 and shape[0] == 1 else 1


def row_bytes(tensor: TensorType) -> int:
    """Bytes of one row."""
    return tensor.nbytes // row_count(tensor)


def activations(graph: Graph, node: Node) -> Iterator[tuple[int, str]]:
    """The inputs (slot, name) that live in RAM."""
    for slot, name in enumerate(node.inputs):
        if name and not graph.is_constant(name):
            yield slot, name


def bytes_read(graph: Graph, node: Node, slot: int, row: int, rows: int) -> Bytes:
    """The bytes [low, high) of input `slot` that make output row `row` of `rows`.

    Rows that lie in the padding are not read; low == high where there is nothing else.
    """
    tensor = graph.type(node.inputs[slot])
    if node.op in WRITES_INTO and slot == 0:
        return 0, 0
    if gathers(graph, node, rows):
        return row * row_bytes(tensor), (row + 1) * row_bytes(tensor)
    window = OPS[node.op].rows is RowRule.WINDOW
    if window and rows == row_count(graph.type(node.output)):
        low, high = _window_rows(graph, node, row)
        return low * row_bytes(tensor), high * row_bytes(tensor)
    if rows > 1 and steps(graph, node, slot):
        size = tensor.nbytes // rows
        return row * size, (row + 1) * size
    return 0, tensor.nbytes


def bytes_made(graph: Graph, node: Node, row: int, rows: int) -> Bytes:
    """The bytes [low, high) of the output that call `row` of `rows` writes."""
    size = graph.type(node.output).nbytes
    if gathers(graph, node, rows):
        return (0, size) if row == rows - 1 else (0, 0)
    return row * (size // rows), (row + 1) * (size // rows)


_GATHERED = ("avg_pool2d", "mean")


def gathers(graph: Graph, node: Node, rows: int) -> bool:
    """Whether an operator in `rows` calls adds up the rows of its input, one a call."""
    return node.op in _GATHERED and rows > row_count(graph.type(node.output))


def _window_rows(graph: Graph, node: Node, row: int) -> Bytes:
    attrs = attributes(node)
    height = row_count(graph.type(node.inputs[0]))
    stride, padding = (cast("tuple[int, ...]", attrs[name]) for name in ("stride", "padding"))
    if node.op == "conv_transpose2d":
        reach = row + padding[0]
        first = -(-(reach - _kernel_h(graph, node) + 1) // stride[0])
        low, high = max(first, 0), min(reach // stride[0] + 1, height)
        return (low, high) if low < high else (0, 0)
    dilation = cast("tuple[int, ...]", attrs.get("dilation", (1, 1)))
    start = row * stride[0] - padding[0]
    low, high = max(start, 0), min(start + (_kernel_h(graph, node) - 1) * dilation[0] + 1, height)
    return (low, high) if low < high else (0, 0)


def _kernel_h(graph: Graph, node: Node) -> int:
    if "kernel" in OPS[node.op].attrs:
        return cast("tuple[int, int]", node.attrs["kernel"])[0]
    return graph.type(node.inputs[1]).shape[1]


_BY_PIXEL = ("conv2d", "linear", "matmul")


def pixel_elements(graph: Graph, node: Node) -> int:
    """Output elements that a flat kernel counts as one pixel: all channels, or one element."""
    return graph.type(node.output).shape[-1] if node.op in _BY_PIXEL else 1


def advances(graph: Graph, node: Node, slot: int) -> bool:
    """Whether a flat kernel walks through this input as it walks through its output.

    It does not for an operand of add or mul that repeats.
    """
    if node.op in _BY_PIXEL:
        return slot == 0
    return graph.type(node.inputs[slot]).elements == graph.type(node.output).elements


def steps(graph: Graph, node: Node, slot: int) -> bool:
    """Whether a flat kernel needs for row y of its output only row y of this input."""
    return node.op == "matmul" or advances(graph, node, slot)
