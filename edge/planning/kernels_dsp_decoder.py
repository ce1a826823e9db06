"""The kernels of a language model for the DSP extension, runtime/kernels/dsp."""

from __future__ import annotations

from edge.ir import Graph, Node
from edge.planning.costs import once, outputs, per_output, total
from edge.planning.kernels import Kernel
from edge.planning.kernels_ref_decoder import (
    attends,
    exponentials,
    head_size,
    looks_up_tokens,
    normalizes,
    products,
)
from edge.quantization.decoder import ring_attention

_ATTENTION = total((1.7, products), (7, exponentials), (60, outputs))


_LEAST_SHIFT = 33  # of a mean: the upper word of a product is shifted once more


def _attends(graph: Graph, node: Node) -> bool:
    """Heads of whole words; the weights of no window are so small that means are shifted less."""
    if not attends(graph, node) or head_size(graph, node) % 4:
        return False
    found = ring_attention(graph, node)
    return found.shift + int(found.table[0]).bit_length() - 16 >= _LEAST_SHIFT


def _attention_scratch(graph: Graph, node: Node) -> int:
    """Queries of a head, and scores with a row to spare."""
    window = graph.type(node.inputs[1]).shape[1]
    return 2 * head_size(graph, node) + 4 * (window + 1)


def _looks_up(graph: Graph, node: Node) -> bool:
    whole = not any(size % 4 for size in graph.type(node.inputs[2]).shape)
    return looks_up_tokens(graph, node) and whole


KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "dsp/ring_attention_s8",
        "ring_attention",
        _attends,
        _ATTENTION,
        _attention_scratch,
        sources=("dsp/attention_rows.S",),
    ),
    Kernel("dsp/rms_norm_s16_s8", "rms_norm", normalizes, total((11, outputs), (150, once))),
    Kernel("dsp/embedding_s8_s16", "embedding", _looks_up, per_output(7)),
)
