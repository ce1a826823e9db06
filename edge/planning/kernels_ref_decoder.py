"""The portable kernels of a language model that is run token by token."""

from __future__ import annotations

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes, macs
from edge.planning.costs import once, outputs, per_output, total
from edge.planning.kernels import Accepts, Kernel, has_types


def _makes(made: DType) -> Accepts:
    """From int8 that is rotated."""
    return lambda graph, node: has_types(graph, node, DType.INT8, made)


def looks_up_tokens(graph: Graph, node: Node) -> bool:
    """Whether a constant int8 table gives a row of the int16 stream."""
    table = node.inputs[2]
    stream = has_types(graph, node, DType.INT32, DType.INT16)
    return stream and graph.is_constant(table) and graph.type(table).dtype is DType.INT8


def _adds(graph: Graph, node: Node) -> bool:
    int8 = graph.type(node.inputs[1]).dtype is DType.INT8
    return int8 and has_types(graph, node, DType.INT16, DType.INT16)


def normalizes(graph: Graph, node: Node) -> bool:
    """Whether the int16 stream becomes int8 by a constant weight."""
    return has_types(graph, node, DType.INT16, DType.INT8) and graph.is_constant(node.inputs[1])


def attends(graph: Graph, node: Node) -> bool:
    """Whether int16 queries meet int8 rings."""
    rings = {graph.type(name).dtype for name in node.inputs[1:3]}
    return rings == {DType.INT8} and has_types(graph, node, DType.INT16, DType.INT8)


def _writes(graph: Graph, node: Node) -> bool:
    """A row of the ring's own type and scale."""
    ring, row = (graph.type(name) for name in node.inputs[:2])
    return (ring.dtype, ring.quantization) == (row.dtype, row.quantization)


def _counts(graph: Graph, node: Node) -> bool:
    return has_types(graph, node, DType.INT32, DType.INT32)


def _chooses(graph: Graph, node: Node) -> bool:
    return has_types(graph, node, DType.INT8, DType.INT32)


def scores_bytes(graph: Graph, node: Node) -> int:
    """A score of each row of the ring."""
    return 4 * graph.type(node.inputs[1]).shape[1]


def products(graph: Graph, node: Node) -> int:
    """Products of queries and keys, and of weights and values, over whole rings."""
    return macs(graph, node)


def exponentials(graph: Graph, node: Node) -> int:
    """One for each head and row."""
    return _heads(node) * graph.type(node.inputs[1]).shape[1]


def head_size(graph: Graph, node: Node) -> int:
    """Channels of a head."""
    return graph.type(node.output).shape[-1] // _heads(node)


def _heads(node: Node) -> int:
    return int(str(attributes(node)["heads"]))


def _inputs(graph: Graph, node: Node) -> int:
    return graph.type(node.inputs[0]).elements


ATTENTION = total((5, products), (20, exponentials), (60, outputs))

KERNELS: tuple[Kernel, ...] = (
    Kernel("ref/embedding_s8_s16", "embedding", looks_up_tokens, per_output(8)),
    Kernel("ref/residual_s16_s8", "residual", _adds, per_output(12)),
    Kernel("ref/rms_norm_s16_s8", "rms_norm", normalizes, total((30, outputs), (150, once))),
    Kernel("ref/rotary_s8", "rotary", _makes(DType.INT8), per_output(16)),
    Kernel("ref/rotary_s8_s16", "rotary", _makes(DType.INT16), per_output(14)),
    Kernel("ref/append", "append", _writes, total((40, once))),
    Kernel("ref/ring_attention_s8", "ring_attention", attends, ATTENTION, scores_bytes),
    Kernel("ref/argmax_s8", "argmax", _chooses, total((5, _inputs))),
    Kernel("ref/advance", "advance", _counts, total((8, once))),
)
