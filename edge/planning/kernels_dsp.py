"""The kernels for the Armv7E-M DSP extension, runtime/kernels/dsp: Cortex-M4, M7 and M33.

They accept only what they compute bit for bit; everything else stays with the portable kernels.
Costs are instructions, from the measurements that tests/bench/dsp_layers.py repeats.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Node, macs
from edge.ir.ops import attributes
from edge.planning.costs import per_input, per_output, per_window
from edge.planning.kernels import (
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
from edge.planning.kernels_ref import averages_positions, looks_up, repeats
from edge.quantization import constants
from edge.quantization.constants import Form, Weighted
from edge.quantization.dsp_words import LARGEST_F, PAIR_LIMIT, WIDE_LIMIT, dsp_constants, pairs_fit

_PLANE_PAIRS = 13  # EDGE_DSP_PLANE_PAIRS of edge/dsp.h
_PLANE_COLUMN, _PLANES_BYTES = 16, 2048  # of convolve_window.c and EDGE_DSP_WINDOW_PLANES
_SEGMENT_BYTES, _PAIR_BYTES = 12, 16
_POINTER_BYTES = 4
_NARROW_FROM = 256  # NARROW_FROM of linear_s8.c
_SHORT_ROW = 32  # SHORT_ROW of conv2d_s8.c
_POSITIONS_IN_INT16 = 255
_LARGEST_ONCE = 1 << 31


def _rows(graph: Graph, node: Node) -> npt.NDArray[np.int8]:
    """int8[out_channels, taps]."""
    weight = graph.constant(node.inputs[1]).astype(np.int8)
    axis = constants.WEIGHT_AXIS[node.op]
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def _exact(graph: Graph, node: Node, limit: int = PAIR_LIMIT, shifts: bool = False) -> bool:
    """Whether weights and constants fit a packing; `shifts` if single rounding may shift by f > 0.

    `limit` is what accumulators must stay below.
    """
    weighted, rows = constants.weighted(graph, node), _rows(graph, node)
    found = dsp_constants(weighted, rows, limit)
    if found is None:
        return False
    return shifts or weighted.requantize.form is Form.TWICE or not found.f.any()


def _packs(graph: Graph, node: Node, limit: int, shifts: bool = False) -> bool:
    fits = limit > PAIR_LIMIT or pairs_fit(_rows(graph, node))
    return fits and _exact(graph, node, limit, shifts)


def _steps(count: int) -> int:
    """Strip steps of a run of bytes; edge_dsp_steps."""
    return 2 * (count // 4) + (0, 1, 2, 2)[count % 4]


def _round_up(count: int) -> int:
    return -(-count // 4) * 4


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
        columns = pixels * _round_up(segment)
    elif row <= _SHORT_ROW:
        columns = kernel_h * _SHORT_ROW
    else:
        columns = _round_up(((pixels - 1) * stride + kernel_w) * in_c)
    strip = 4 * pixels * _steps(segment) * kernel_h
    return strip + _POINTER_BYTES * kernel_h + columns + _odd_channels(out_c, pixels)


def _convolution_cost(per_mac: float, together: int = 4) -> Measure:
    """`together`: the pixels that are made at a time."""

    def cost(graph: Graph, node: Node) -> int:
        shape = graph.type(node.output).shape
        rows, pixels = shape[0] * shape[1], shape[2]
        strip = 150 + 100 * graph.type(node.inputs[1]).shape[1]
        if together == 1:
            return rows * pixels * _dots_cost(graph, node, 1, strip, per_mac)
        return rows * _dots_cost(graph, node, pixels, strip, per_mac)

    return cost


def _dots_cost(graph: Graph, node: Node, pixels: int, strip: int, per_mac: float) -> int:
    """A run of pixels, 4 at a time and the rest one by one; `strip`: to prepare each time."""
    outputs = graph.type(node.output).shape[-1]
    work = macs(graph, node) * outputs / graph.type(node.output).elements
    strips, rest = divmod(pixels, 4)
    quick = 4 * (per_mac * work + 10 * outputs) + strip
    slow = (per_mac + 0.15) * work + 22 * outputs + strip
    return int(strips * quick + rest * slow)


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


def _pointwise_cost(per_mac: float) -> Measure:
    return lambda graph, node: _dots_cost(graph, node, _pixels(graph, node), 150, per_mac)


def _one_scale(weighted: Weighted) -> bool:
    return weighted.requantize.multiplier.size == 1


def _linear(graph: Graph, node: Node) -> bool:
    if not has_weights(graph, node):
        return False
    weighted, rows = constants.weighted(graph, node), _rows(graph, node)
    return (
        _one_scale(weighted)
        and pairs_fit(rows)
        and dsp_constants(weighted, rows, fold=False) is not None
    )


def _is_narrow(in_c: int) -> bool:
    return in_c > _NARROW_FROM and in_c % 4 == 0


def _linear_scratch(graph: Graph, node: Node) -> int:
    in_c = graph.type(node.inputs[1]).shape[-1]
    return 0 if _is_narrow(in_c) else 8 * -(-in_c // 4)


def _linear_cost(graph: Graph, node: Node) -> int:
    in_c = graph.type(node.inputs[1]).shape[-1]
    per_mac = 1.05 if _is_narrow(in_c) else 0.92
    outputs = graph.type(node.output).elements
    return int(per_mac * macs(graph, node) + 10 * outputs + 100 * _pixels(graph, node))


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
    return planes + 6 * _POINTER_BYTES * _PLANE_PAIRS + _round_up(graph.type(node.output).shape[3])


def _window_planes(graph: Graph, node: Node) -> tuple[int, int]:
    """Planes of a block and the columns of each beyond its outputs; convolve_window.c."""
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    stride = pair(node, "stride")[1]
    return -(-kernel_h // 2) * min(stride, kernel_w), -(-kernel_w // stride) - 1


def _window_stride(graph: Graph, node: Node) -> int:
    """The stride that weights are packed for."""
    return min(pair(node, "stride")[1], graph.type(node.inputs[1]).shape[2])


def _depthwise_window(stride: int) -> Accepts:
    def accepts(graph: Graph, node: Node) -> bool:
        if not (is_single_image(graph, node) and has_weights(graph, node)):
            return False
        planes, more = _window_planes(graph, node)
        one_column = graph.type(node.inputs[1]).shape[2] == 1
        return (
            _window_stride(graph, node) == stride
            and (one_column or pair(node, "dilation")[1] == 1)
            and planes * (4 + more) * _PLANE_COLUMN <= _PLANES_BYTES
            and _exact(graph, node)
        )

    return accepts


def _window_block(graph: Graph, node: Node, planes_bytes: int) -> int:
    """Outputs of a row that are made at a time."""
    planes, more = _window_planes(graph, node)
    outputs = graph.type(node.output).shape[2]
    most = max(4, (planes_bytes // _PLANE_COLUMN // planes - more) // 4 * 4)
    return _round_up(-(-outputs // -(-outputs // most)))


def _window_scratch(planes_bytes: int) -> Measure:
    def scratch(graph: Graph, node: Node) -> int:
        planes, more = _window_planes(graph, node)
        columns = planes * (_window_block(graph, node, planes_bytes) + more)
        rows = _PAIR_BYTES * -(-graph.type(node.inputs[1]).shape[1] // 2)
        return columns * _PLANE_COLUMN + _SEGMENT_BYTES * (planes + 1) + rows

    return scratch


def _window_cost(planes_bytes: int) -> Measure:
    """Taps of an output of two rows each, its scaling, and its part in the planes."""

    def cost(graph: Graph, node: Node) -> int:
        planes, more = _window_planes(graph, node)
        kernel_w, out_c = graph.type(node.inputs[1]).shape[2:]
        _, height, width, _ = graph.type(node.output).shape
        block, in_c = _window_block(graph, node, planes_bytes), graph.type(node.inputs[0]).shape[3]
        blocks = -(-width // block)
        taps = planes // min(pair(node, "stride")[1], kernel_w) * kernel_w
        made = out_c * _round_up(width) * (1.65 * taps + 2.2 * planes + 8)
        filled = planes * in_c * (3 * (width + blocks * more) + 16 * blocks)
        return int(height * (made + filled + blocks * (20 * out_c + 200) + 300))

    return cost


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

_PAIR_COST, _WIDE_COST = 0.8, 0.87  # instructions per MAC of the inner loops


def _strips(name: str, limit: int, per_mac: float) -> tuple[Kernel, ...]:
    """The kernels of one packing; `name` is part of theirs."""
    pointwise, cost = f"dsp/pointwise_conv2d{name}_s8", _pointwise_cost(per_mac)
    return (
        Kernel(
            f"dsp/conv2d{name}_s8", "conv2d", _convolves(limit), _convolution_cost(per_mac),
            _convolution_scratch(4), sources=_ROW,
        ),
        Kernel(
            pointwise, "conv2d", _pointwise(limit), cost, _pointwise_scratch,
            flat=True, granule=4, buffered=True, sources=_PIXELS,
        ),
        Kernel(
            pointwise, "linear", _multiplies(limit), cost, _pointwise_scratch,
            flat=True, granule=4, buffered=True, sources=_PIXELS,
        ),
    )  # fmt: skip


def _windows(name: str, planes_bytes: int) -> tuple[Kernel, ...]:
    """The kernels of windows of any size, for stride 1 and 2."""
    cost, scratch = _window_cost(planes_bytes), _window_scratch(planes_bytes)
    return tuple(
        Kernel(
            f"dsp/depthwise_window{packed}{name}_s8", "depthwise_conv2d", _depthwise_window(stride),
            cost, scratch, sources=_WINDOW,
        )
        for stride, packed in ((1, ""), (2, "_s2"))
    )  # fmt: skip


KERNELS: tuple[Kernel, ...] = (
    *_strips("", PAIR_LIMIT, _PAIR_COST),
    *_strips("_wide", WIDE_LIMIT, _WIDE_COST),
    Kernel(
        "dsp/conv2d_lean_s8", "conv2d", _convolves(PAIR_LIMIT), _convolution_cost(_PAIR_COST, 1),
        _convolution_scratch(1), sources=_ROW,
    ),
    Kernel(
        "dsp/linear_s8", "linear", _linear, _linear_cost, _linear_scratch, flat=True,
        sources=("dsp/linear_1x4.S", "dsp/widen_1.S"),
    ),
    Kernel(
        "dsp/depthwise_conv2d_s8", "depthwise_conv2d", _depthwise, per_output(25),
        _depthwise_scratch, sources=("dsp/depthwise_3x3.S", "dsp/planes_3.S"),
    ),
    *_windows("", _PLANES_BYTES),
    *_windows("_lean", 0),
    Kernel(
        "dsp/add_s8", "add", _adds, per_output(16), flat=True, granule=4, buffered=True,
        sources=("dsp/add_4.S",),
    ),
    Kernel(
        "dsp/add_s8", "sub", _adds, per_output(16), flat=True, granule=4, buffered=True,
        sources=("dsp/add_4.S",),
    ),
    Kernel(
        "dsp/mul_s8", "mul", _multiplies_elements, per_output(10), flat=True, granule=4,
        buffered=True, sources=("dsp/mul_4.S",),
    ),
    Kernel(
        "dsp/lookup_s8", "lookup", looks_up, per_output(4), flat=True, granule=4, buffered=True,
        sources=("dsp/lookup_8.S",),
    ),
    Kernel("dsp/avg_pool2d_s8", "avg_pool2d", _averages, per_window(2)),
    Kernel("dsp/max_pool2d_s8", "max_pool2d", takes_maximum, per_window(2)),
    Kernel("dsp/mean_s8", "mean", averages_positions, per_input(2)),
)  # fmt: skip
