"""Activations of seven bits: int8 tensors that hold 0..127 alone.

The relaxed dot product of WebAssembly has one result on all engines only if one of its operands has
the top bit clear (WebAssembly relaxed SIMD proposal, i32x4.relaxed_dot_i8x16_i7x16_add_s). Weights
keep eight bits; what they are multiplied with is given the upper half of int8.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge.errors import fail
from edge.ir import Graph, Node, Rounding
from edge.quantization.requantize import INT8_MAX, INT8_MIN
from edge.quantization.sharing import fixed_quantization, shares_quantization
from edge.quantization.stored import activation_range, pad_value

READERS = frozenset({"conv2d", "depthwise_conv2d", "linear"})
"""The operators whose inputs are worth seven bits."""

_CLAMPING = frozenset(
    {"conv2d", "conv_transpose2d", "depthwise_conv2d", "linear", "add", "sub", "mul", "mean"}
    | {"avg_pool2d", "requantize"}
)
_LIMITED = _CLAMPING | {"unary", "layer_norm"}

ACTIVATION_BITS = (8, 7)


def require_bits(bits: int) -> None:
    """Raises EdgeError E0031 for a number of bits that activations cannot have."""
    if bits not in ACTIVATION_BITS:
        raise fail("E0031", f"activations of {bits} bits", help=["8, or 7 for relaxed WebAssembly"])


def bits_of_activations(graph: Graph) -> int:
    """7 if any tensor has seven bits, 8 in other int8 graphs, 32 in float32 graphs."""
    quantizations = [value.type.quantization for value in graph.values.values()]
    if any(q is not None and q.seven_bits for q in quantizations):
        return 7
    return 32 if graph.rounding is Rounding.FLOAT else 8


def with_seven_bits(graph: Graph, leaders: Mapping[str, str]) -> set[str]:
    """The leaders of `leaders` (see ranges.groups) whose tensors get seven bits.

    They are read by a convolution or linear layer, and all their makers can clamp; inputs and
    states keep eight bits, because their values come from outside.
    """
    read = {leaders[n.inputs[0]] for n in graph.nodes if n.op in READERS and n.inputs[0] in leaders}
    makers = {name: graph.producers.get(name) for name in leaders}
    return read - {leader for name, leader in leaders.items() if not _limits(graph, makers[name])}


def _limits(graph: Graph, maker: Node | None) -> bool:
    if maker is None or fixed_quantization(maker):
        return False
    return maker.op in _LIMITED or shares_quantization(graph, maker)


def stored_range(graph: Graph, name: str) -> tuple[int, int]:
    """The smallest and the largest value that an int8 tensor can hold, as far as can be proven."""
    if graph.is_constant(name):
        data = graph.constant(name)
        return int(data.min()), int(data.max())
    node = graph.producers.get(name)
    if node is None:
        return INT8_MIN, INT8_MAX
    if node.op == "lookup":
        return stored_range(graph, node.inputs[1])
    if node.op in _CLAMPING:
        return activation_range(graph, node)
    if shares_quantization(graph, node):
        return _united(graph, node)
    return INT8_MIN, INT8_MAX


def _united(graph: Graph, node: Node) -> tuple[int, int]:
    """What a move of values can hold: what its inputs do, or what it pads them with."""
    ranges = [stored_range(graph, name) for name in node.inputs if name]
    if node.op == "pad":
        ranges.append((pad := pad_value(graph, node), pad))
    return min(low for low, _ in ranges), max(high for _, high in ranges)
