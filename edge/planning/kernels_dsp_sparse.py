"""The sparse kernels of runtime/kernels/dsp, for weights of which whole blocks are zero.

What they cost follows from the blocks that are not: the planner compares it with the dense kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.planning.dsp_linear import linear_fits
from edge.planning.dsp_pairs import LINEAR_PAIRS
from edge.planning.dsp_scattered import SCATTERED
from edge.planning.kernels import (
    Kernel,
    Measure,
    has_weights,
    is_pointwise,
    is_single_image,
    pair,
)
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.constants import Form
from edge.quantization.dsp_words import dsp_constants
from edge.sparsity.block_rows import nonzero_blocks

_BLOCK, _LINEAR_BLOCK = (1, 4), (4, 4)
_STRIP_BYTES = 12  # a tap
_PIXELS = 6

_FORM = {1: 1, 2: 3, 3: 3, 4: 4, 5: 6, 6: 6}  # of a strip, by the pixels it makes
_BLOCK_COST = {6: 20.3, 4: 15.3, 3: 12.3, 1: 8.3}  # instructions a block, by strip
_CHANNEL_COST = {  # and an output channel
    Form.ONCE: {6: 38, 4: 31, 3: 27, 1: 20},
    Form.TWICE: {6: 58, 4: 45, 3: 38, 1: 25},
}
_WORD_COST = {6: 22, 4: 16, 3: 12, 1: 6}  # to widen a word of each pixel
_STRIP_COST = 90
_COPY_COST = 1.15  # a byte beside the border
_TOGETHER, _FEW = 6, 3  # TOGETHER of pointwise_conv2d_sparse_s8.c and _few_s8.c
_LEAST_TOGETHER = 3  # of sparse_pixels.c
_WIDENED_BYTES = 12  # a block
_SAVED, _WIDENED = (3, 4, 60), (5.3, 29, 60)  # instructions a block, channel and strip or pass


def _exact(graph: Graph, node: Node) -> bool:
    weighted = constants.weighted(graph, node)
    found = dsp_constants(weighted, weight_rows(graph, node))
    return found is not None and (weighted.requantize.form is Form.TWICE or not found.f.any())


def _convolves(graph: Graph, node: Node) -> bool:
    if not (is_single_image(graph, node) and has_weights(graph, node)):
        return False
    _, _, kernel_w, in_c = graph.type(node.inputs[1]).shape
    return (
        attributes(node)["groups"] == 1
        and kernel_w * in_c % _BLOCK[1] == 0
        and (kernel_w == 1 or pair(node, "dilation")[1] == 1)
        and _exact(graph, node)
    )


def _multiplies(graph: Graph, node: Node) -> bool:
    in_c = graph.type(node.inputs[1]).shape[-1]
    return has_weights(graph, node) and in_c % _BLOCK[1] == 0 and _exact(graph, node)


def _pointwise(graph: Graph, node: Node) -> bool:
    return is_pointwise(graph, node) and _multiplies(graph, node)


def _words(graph: Graph, node: Node) -> int:
    """Words of a strip: those of all taps of an output channel."""
    return math.prod(graph.type(node.inputs[1]).shape[1:]) // _BLOCK[1]


def _conv2d_scratch(graph: Graph, node: Node) -> int:
    _, _, kernel_w, in_c = graph.type(node.inputs[1]).shape
    columns = (_PIXELS - 1) * pair(node, "stride")[1] + kernel_w
    return 4 * _STRIP_BYTES * _words(graph, node) + columns * in_c


def _whole_strips(pixels: int) -> int:
    """Strips of 6 pixels; 7 or 8 pixels at the end take others."""
    return pixels // _PIXELS - int(pixels > _PIXELS and pixels % _PIXELS in (1, 2))


def _together(graph: Graph, node: Node, most: int) -> int:
    """Strips that are made at once."""
    strips = _whole_strips(_pixels(graph, node))
    return min(strips, most) if strips >= _LEAST_TOGETHER else 1


def _pixels(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.output).shape[:-1])


def _pointwise_scratch(most: int) -> Measure:
    def scratch(graph: Graph, node: Node) -> int:
        words, together = _words(graph, node), _together(graph, node, most)
        widened = _WIDENED_BYTES * (words + 1) if together > 1 else 0
        return 4 * _STRIP_BYTES * words * together + widened

    return scratch


def strips(pixels: int) -> list[int]:
    """The pixels, 6, 4, 3 or 1, that the strips of a run of pixels are made for."""
    made = []
    while pixels > 0:
        taken = 4 if pixels in (7, 8) else min(pixels, _PIXELS)
        made.append(_FORM[taken])
        pixels -= taken
    return made


def _run_cost(graph: Graph, node: Node, pixels: int, strip_cost: int) -> float:
    blocks = nonzero_blocks(weight_rows(graph, node), _BLOCK)
    form = constants.weighted(graph, node).requantize.form
    channels, words = graph.type(node.output).shape[-1], _words(graph, node)
    return sum(
        _BLOCK_COST[p] * blocks + _CHANNEL_COST[form][p] * channels + _WORD_COST[p] * words
        + strip_cost
        for p in strips(pixels)
    )  # fmt: skip


def _conv2d_cost(graph: Graph, node: Node) -> int:
    shape = graph.type(node.output).shape
    kernel_h = graph.type(node.inputs[1]).shape[1]
    made = _run_cost(graph, node, shape[2], _STRIP_COST + 120 * kernel_h)
    return int(shape[1] * (made + _COPY_COST * _border_bytes(graph, node)))


def _border_bytes(graph: Graph, node: Node) -> int:
    """What is copied for an output row: columns under the strips at the borders of the input."""
    if not any(pair(node, "padding")[2:]):
        return 0
    _, kernel_h, kernel_w, in_c = graph.type(node.inputs[1]).shape
    made = strips(graph.type(node.output).shape[2])
    ends = {0, len(made) - 1}
    stride = pair(node, "stride")[1]
    return sum((made[i] - 1) * stride + kernel_w for i in ends) * in_c * kernel_h


def _pointwise_cost(most: int) -> Measure:
    def cost(graph: Graph, node: Node) -> int:
        pixels, together = _pixels(graph, node), _together(graph, node, most)
        blocks = nonzero_blocks(weight_rows(graph, node), _BLOCK)
        whole = _whole_strips(pixels) if together > 1 else 0
        passes = -(-whole // most)
        sizes = (blocks, graph.type(node.output).shape[-1], 1)
        saved = whole * sum(a * b for a, b in zip(_SAVED, sizes, strict=True))
        spent = passes * sum(a * b for a, b in zip(_WIDENED, sizes, strict=True))
        return int(_run_cost(graph, node, pixels, _STRIP_COST) - saved + spent)

    return cost


def _linear(graph: Graph, node: Node) -> bool:
    if not has_weights(graph, node):
        return False
    whole = not any(size % 4 for size in weight_rows(graph, node).shape)
    return whole and linear_fits(graph, node)


def _linear_scratch(graph: Graph, node: Node) -> int:
    return 2 * graph.type(node.inputs[1]).shape[-1]


def _linear_cost(graph: Graph, node: Node) -> int:
    in_c = graph.type(node.inputs[1]).shape[-1]
    blocks = nonzero_blocks(weight_rows(graph, node), _LINEAR_BLOCK)
    channels = graph.type(node.output).shape[-1]
    return int(_pixels(graph, node) * (16.5 * blocks + 8.8 * channels + 1.13 * in_c + 120))


_SOURCES = ("dsp/sparse_strips.c", "dsp/sparse_1x4.S", "dsp/widen_words.S")


def _products(name: str, together: int) -> Iterator[Kernel]:
    """Pointwise convolution and linear layers; `together`: strips that may be made at once."""
    for op, accepts in (("conv2d", _pointwise), ("linear", _multiplies)):
        yield Kernel(
            f"dsp/pointwise_conv2d_sparse{name}_s8", op, accepts, _pointwise_cost(together),
            _pointwise_scratch(together), flat=True, buffered=True,
            sources=("dsp/sparse_pixels.c", *_SOURCES), sparse=True,
        )  # fmt: skip


KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "dsp/conv2d_sparse_s8", "conv2d", _convolves, _conv2d_cost, _conv2d_scratch,
        sources=_SOURCES, sparse=True,
    ),
    *_products("", _TOGETHER),
    *_products("_few", _FEW),
    *_products("_lean", 1),
    Kernel(
        "dsp/linear_sparse_s8", "linear", _linear, _linear_cost, _linear_scratch, flat=True,
        sources=("dsp/linear_1x4.S", "dsp/widen_1.S"), sparse=True,
    ),
    LINEAR_PAIRS,
    *SCATTERED,
)  # fmt: skip
