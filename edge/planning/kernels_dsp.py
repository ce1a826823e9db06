"""The kernels for the Armv7E-M DSP extension, runtime/kernels/dsp: Cortex-M4, M7 and M33.

They accept only what they compute bit for bit; everything else stays with the portable kernels.
Costs are in `costs_dsp`.
"""

from __future__ import annotations

import math

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.planning import costs_dsp, dsp_single
from edge.planning.broadcasting import repeats
from edge.planning.costs import Cost, per_mac
from edge.planning.costs_dsp import is_narrow
from edge.planning.dsp_linear import linear_fits
from edge.planning.dsp_windows import (
    PLANE_COLUMN,
    PLANES_BYTES,
    fours,
    window_block,
    window_planes,
    window_stride,
)
from edge.planning.kernels import (
    WHOLE,
    Accepts,
    Kernel,
    Measure,
    has_weights,
    is_int8,
    is_pointwise,
    is_single_image,
    pair,
    pools,
    takes_maximum,
)
from edge.planning.kernels_dsp_decoder import KERNELS as DECODER
from edge.planning.kernels_dsp_sparse import KERNELS as SPARSE
from edge.planning.kernels_ref import averages_positions, looks_up, multiplies, spreads
from edge.planning.recurrent import DSP_GATES, dsp_scratch, recurs_with_dsp
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.constants import Form
from edge.quantization.dsp_words import LARGEST_F, PAIR_LIMIT, WIDE_LIMIT, dsp_constants, pairs_fit

_PLANE_PAIRS = 13  # EDGE_DSP_PLANE_PAIRS of edge/dsp.h
_SEGMENT_BYTES, _PAIR_BYTES = 12, 16
_POINTER_BYTES = 4
_SHORT_ROW = 32  # SHORT_ROW of conv2d_s8.c
_POSITIONS_IN_INT16 = 255
_LARGEST_ONCE = 1 << 31
_MATMUL_COLUMNS = 8192  # EDGE_DSP_MATMUL_COLUMNS of edge/dsp.h


def _exact(graph: Graph, node: Node, limit: int = PAIR_LIMIT, shifts: bool = False) -> bool:
    """Whether weights and constants fit a packing; `shifts` if single rounding may shift by f > 0.

    `limit` is what accumulators must stay below.
    """
    weighted, rows = constants.weighted(graph, node), weight_rows(graph, node)
    found = dsp_constants(weighted, rows, limit)
    if found is None:
        return False
    return shifts or weighted.requantize.form is Form.TWICE or not found.f.any()


def _packs(graph: Graph, node: Node, limit: int, shifts: bool = False) -> bool:
    fits = limit > PAIR_LIMIT or pairs_fit(weight_rows(graph, node))
    return fits and _exact(graph, node, limit, shifts)


def _steps(count: int) -> int:
    """Strip steps of a run of bytes; edge_dsp_steps."""
    return 2 * (count // 4) + (0, 1, 2, 2)[count % 4]


def _odd_channels(out_c: int, pixels: int = 4) -> int:
    return pixels * (out_c + 1) if out_c % 2 else 0


def _convolves(limit: int) -> Accepts:
    def accepts(graph: Graph, node: Node) -> bool:
        return (
            is_single_image(graph, node)
            and has_weights(graph, node)
            and attributes(node)["groups"] == 1
            and _packs(graph, node, limit)
        )

    return accepts


def _convolution_scratch(pixels: int) -> Measure:
    return lambda graph, node: _strip_scratch(graph, node, pixels)


def _strip_scratch(graph: Graph, node: Node, pixels: int) -> int:
    out_c, kernel_h, kernel_w, in_c = graph.type(node.inputs[1]).shape
    segment = kernel_w * in_c
    stride = pair(node, "stride")[1]
    row = ((graph.type(node.output).shape[2] - 1) * stride + kernel_w) * in_c
    if segment < 4 or (pair(node, "dilation")[1] > 1 and kernel_w > 1):
        columns = pixels * fours(segment)
    elif row <= _SHORT_ROW:
        columns = kernel_h * _SHORT_ROW
    else:
        columns = fours(((pixels - 1) * stride + kernel_w) * in_c)
    strip = 4 * pixels * _steps(segment) * kernel_h
    return strip + _POINTER_BYTES * kernel_h + columns + _odd_channels(out_c, pixels)


def _pointwise(limit: int) -> Accepts:
    def accepts(graph: Graph, node: Node) -> bool:
        return has_weights(graph, node) and is_pointwise(graph, node) and _packs(graph, node, limit)

    return accepts


def _pixels(graph: Graph, node: Node) -> int:
    shape = graph.type(node.output).shape
    return math.prod(shape[:-1])


def _multiplies(limit: int) -> Accepts:
    """A linear layer as a pointwise convolution; single pixels may have any shift."""

    def accepts(graph: Graph, node: Node) -> bool:
        shifts = _pixels(graph, node) < 4
        return has_weights(graph, node) and _packs(graph, node, limit, shifts)

    return accepts


def _pointwise_scratch(graph: Graph, node: Node) -> int:
    shape = graph.type(node.inputs[1]).shape
    out_c, in_c = shape[0], shape[-1]
    return 16 * _steps(in_c) + (16 if in_c < 4 else 0) + _odd_channels(out_c)


def _linear(graph: Graph, node: Node) -> bool:
    return has_weights(graph, node) and linear_fits(graph, node)


def _linear_scratch(graph: Graph, node: Node) -> int:
    in_c = graph.type(node.inputs[1]).shape[-1]
    return 0 if is_narrow(in_c) else 8 * -(-in_c // 4)


def _depthwise(graph: Graph, node: Node) -> bool:
    if not (is_single_image(graph, node) and has_weights(graph, node)):
        return False
    weight, channels = graph.type(node.inputs[1]).shape, graph.type(node.inputs[0]).shape[3]
    return (
        weight[1:3] == (3, 3)
        and weight[3] == channels
        and channels >= 4
        and pair(node, "stride") in ((1, 1), (2, 2))
        and pair(node, "dilation") == (1, 1)
        and _exact(graph, node)
    )


def _depthwise_scratch(graph: Graph, node: Node) -> int:
    planes = 4 * 12 * _PLANE_PAIRS
    return planes + 6 * _POINTER_BYTES * _PLANE_PAIRS + fours(graph.type(node.output).shape[3])


def _depthwise_window(stride: int) -> Accepts:
    def accepts(graph: Graph, node: Node) -> bool:
        if not (is_single_image(graph, node) and has_weights(graph, node)):
            return False
        planes, more = window_planes(graph, node)
        one_column = graph.type(node.inputs[1]).shape[2] == 1
        return (
            window_stride(graph, node) == stride
            and (one_column or pair(node, "dilation")[1] == 1)
            and planes * (4 + more) * PLANE_COLUMN <= PLANES_BYTES
            and _exact(graph, node)
        )

    return accepts


def _window_scratch(planes_bytes: int) -> Measure:
    def scratch(graph: Graph, node: Node) -> int:
        planes, more = window_planes(graph, node)
        columns = planes * (window_block(graph, node, planes_bytes) + more)
        rows = _PAIR_BYTES * -(-graph.type(node.inputs[1]).shape[1] // 2)
        return columns * PLANE_COLUMN + _SEGMENT_BYTES * (planes + 1) + rows

    return scratch


def _adds(graph: Graph, node: Node) -> bool:
    shapes = {graph.type(name).shape for name in (*node.inputs, node.output)}
    types = {graph.type(name).dtype for name in (*node.inputs, node.output)}
    if len(shapes) != 1 or types != {DType.INT8}:
        return False
    found = constants.add(graph, node)
    if found.form is Form.TWICE:
        halves = [o for o in (found.a, found.b) if (o.multiplier, o.shift) == (1 << 30, 0)]
        shifts = [o.shift for o in (found.a, found.b) if o not in halves]
        return (
            not found.subtract
            and bool(halves)
            and all(-22 <= shift < 0 for shift in shifts)
            and -22 <= found.out_shift < 0
        )
    largest = 255 * (abs(found.a.multiplier) + abs(found.b.multiplier))
    return largest + (129 << found.out_shift) < _LARGEST_ONCE


def _multiplies_elements(graph: Graph, node: Node) -> bool:
    """A whole operand times one that is whole too, repeats or is a single value.

    The scale must be less than 1/4 (ONCE) or 1/2 (TWICE).
    """
    out, types = graph.type(node.output), [graph.type(name) for name in node.inputs]
    if not (is_int8(graph, node) and all(t.dtype is DType.INT8 for t in types)):
        return False
    smaller = min(t.elements for t in types)
    if not all(repeats(t.shape, out.shape) for t in types) or 1 < smaller < 4 < out.elements:
        return False
    found = constants.mul(graph, node).requantize
    multiplier, exponent = int(found.multiplier[0]), -int(found.shift[0])
    if found.form is Form.TWICE:
        return 1 <= exponent <= 1 + LARGEST_F
    return exponent <= 2 and multiplier << (2 - exponent) < _LARGEST_ONCE


def _averages(graph: Graph, node: Node) -> bool:
    return pools(graph, node) and math.prod(pair(node, "kernel")) <= _POSITIONS_IN_INT16


_DOT = ("dsp/dot_4x2.S", "dsp/dot_1x2.S", "dsp/widen_4.S", "dsp/widen_1.S")
_ROW = ("dsp/convolve_row.c", *_DOT)
_PIXELS = ("dsp/convolve_pixels.c", *_DOT)

_WINDOW = ("dsp/convolve_window.c", "dsp/depthwise_1x4.S", "dsp/planes_2.S")


def _strips(name: str, limit: int, convolution: Cost, pointwise: Cost) -> tuple[Kernel, ...]:
    """The kernels of one packing; `name` is part of theirs."""
    flat = f"dsp/pointwise_conv2d{name}_s8"
    return (
        Kernel(
            f"dsp/conv2d{name}_s8", "conv2d", _convolves(limit), convolution,
            _convolution_scratch(4), sources=_ROW,
        ),
        Kernel(
            flat, "conv2d", _pointwise(limit), pointwise, _pointwise_scratch,
            flat=True, buffered=True, sources=_PIXELS,
        ),
        Kernel(
            flat, "linear", _multiplies(limit), pointwise, _pointwise_scratch,
            flat=True, buffered=True, sources=_PIXELS,
        ),
    )  # fmt: skip


def _windows(name: str, planes_bytes: int, cost: Cost) -> tuple[Kernel, ...]:
    """The kernels of windows of any size, for stride 1 and 2."""
    scratch = _window_scratch(planes_bytes)
    return tuple(
        Kernel(
            f"dsp/depthwise_window{packed}{name}_s8", "depthwise_conv2d", _depthwise_window(stride),
            cost, scratch, sources=_WINDOW,
        )
        for stride, packed in ((1, ""), (2, "_s2"))
    )  # fmt: skip


def _spread_groups(graph: Graph, node: Node) -> int:
    """Groups of 4 gathered bytes in the largest phase; conv_transpose2d_s8.c."""
    _, kernel_h, kernel_w, in_c = graph.type(node.inputs[1]).shape
    stride_h, stride_w = pair(node, "stride")
    depth = -(-kernel_h // stride_h) * -(-kernel_w // stride_w) * in_c
    return -(-depth // 8) * 2


def _spread_scratch(graph: Graph, node: Node) -> int:
    return 36 * _spread_groups(graph, node)


def _spread_cost(graph: Graph, node: Node) -> int:
    outputs, groups = graph.type(node.output).elements, _spread_groups(graph, node)
    pixels = outputs // graph.type(node.output).shape[-1]
    return outputs * (3 * groups + 45) + pixels * (10 * groups + 100)


def _product_groups(graph: Graph, node: Node) -> int:
    return -(-graph.type(node.inputs[0]).shape[-1] // 8) * 2


def _product_scratch(graph: Graph, node: Node) -> int:
    """The strip of 4 rows and those of as many columns as are widened at a time; matmul_s8.c."""
    groups = _product_groups(graph, node)
    most = max(_MATMUL_COLUMNS // (16 * groups), 1)
    pairs = min(-(-graph.type(node.output).shape[-1] // 2), most)
    return 32 * groups + 16 * groups * pairs


def _product_cost(graph: Graph, node: Node) -> int:
    """Of 4 x 2 outputs the products and their scaling; of operands the widening."""
    depth, groups = graph.type(node.inputs[0]).shape[-1], _product_groups(graph, node)
    tiles = graph.type(node.output).elements // 8
    widened = 3 * graph.type(node.inputs[0]).elements + 8 * graph.type(node.inputs[1]).elements
    return tiles * (22 * groups + 180) + widened + depth


KERNELS: tuple[Kernel, ...] = (
    *_strips("", PAIR_LIMIT, costs_dsp.PAIR_ROWS, costs_dsp.PAIR_PIXELS),
    *_strips("_wide", WIDE_LIMIT, costs_dsp.WIDE_ROWS, costs_dsp.WIDE_PIXELS),
    Kernel(
        "dsp/conv2d_lean_s8", "conv2d", _convolves(PAIR_LIMIT), costs_dsp.LEAN_ROWS,
        _convolution_scratch(1), sources=_ROW,
    ),
    Kernel(
        "dsp/linear_s8", "linear", _linear, costs_dsp.LINEAR, _linear_scratch, flat=True,
        sources=("dsp/linear_1x4.S", "dsp/widen_1.S"),
    ),
    Kernel(
        "dsp/depthwise_conv2d_s8", "depthwise_conv2d", _depthwise, costs_dsp.DEPTHWISE_3X3,
        _depthwise_scratch, sources=("dsp/depthwise_3x3.S", "dsp/planes_3.S"),
    ),
    Kernel(
        "dsp/depthwise_single_s8", "depthwise_conv2d", dsp_single.is_one_window, dsp_single.COST,
        dsp_single.pointers,
    ),
    *_windows("", PLANES_BYTES, costs_dsp.WINDOW),
    *_windows("_lean", 0, costs_dsp.LEAN_WINDOW),
    Kernel(
        "dsp/add_s8", "add", _adds, costs_dsp.ADD, flat=True, granule=4, buffered=True,
        sources=("dsp/add_4.S",),
    ),
    Kernel(
        "dsp/add_s8", "sub", _adds, costs_dsp.ADD, flat=True, granule=4, buffered=True,
        sources=("dsp/add_4.S",),
    ),
    Kernel(
        "dsp/mul_s8", "mul", _multiplies_elements, costs_dsp.MUL, flat=True, granule=4,
        buffered=True, sources=("dsp/mul_4.S",),
    ),
    Kernel(
        "dsp/lookup_s8", "lookup", looks_up, costs_dsp.LOOKUP, flat=True, granule=4, buffered=True,
        sources=("dsp/lookup_8.S",),
    ),
    Kernel(
        "dsp/conv_transpose2d_s8", "conv_transpose2d", spreads, _spread_cost, _spread_scratch,
        sources=("dsp/products_4x2.S",),
    ),
    Kernel(
        "dsp/matmul_s8", "matmul", multiplies, _product_cost, _product_scratch, flat=True,
        granule=WHOLE, sources=("dsp/products_4x2.S",),
    ),
    Kernel("dsp/avg_pool2d_s8", "avg_pool2d", _averages, costs_dsp.AVERAGE),
    Kernel("dsp/max_pool2d_s8", "max_pool2d", takes_maximum, costs_dsp.MAXIMUM),
    Kernel("dsp/mean_s8", "mean", averages_positions, costs_dsp.MEAN),
    Kernel("dsp/gru_s8", "gru", recurs_with_dsp, per_mac(2), dsp_scratch, sources=DSP_GATES),
    Kernel("dsp/lstm_s8", "lstm", recurs_with_dsp, per_mac(2), dsp_scratch, sources=DSP_GATES),
    *DECODER,
    *SPARSE,
)  # fmt: skip
