"""Training kernels for the Armv7E-M DSP extension: runtime/kernels/traindsp.

They read weights as they are stored, so that what training changes needs no packing and gradients
share the array of the forward pass.
"""

from __future__ import annotations

import math

import numpy as np

from edge.ir import Graph, Node
from edge.ir.shapes import ints
from edge.planning.kernels import Accepts, Kernel, Measure
from edge.quantization.requantize import Form
from edge.training.layouts import is_matrix_product, weight_slot

FOLDER = "traindsp"
_ROWS, _COLUMNS, _TAPS, _STORE = (
    f"{FOLDER}/{name}.S" for name in ("rows_4x2", "columns_4x2", "taps_4", "store")
)


def _weight_shape(graph: Graph, node: Node) -> tuple[int, ...]:
    return graph.type(node.inputs[weight_slot(node)]).shape


def _scales_quickly(graph: Graph, node: Node) -> bool:
    """Whether results are rounded once, by factors that edge_train_scale holds, and saturated."""
    multiplier, shift = (graph.constant(name).astype(np.int64) for name in node.inputs[3:5])
    lift = np.maximum(shift + 2, 0)
    fits = int((multiplier << lift).max()) < 2**31 and int((lift - shift).max()) <= _MOST_RIGHT + 1
    whole = (node.attrs["minimum"], node.attrs["maximum"]) == (-128, 127)
    return node.attrs["form"] == str(Form.ONCE) and fits and whole


_MOST_RIGHT = 22


def _multiplies(graph: Graph, node: Node) -> bool:
    depth = _weight_shape(graph, node)[-1]
    return is_matrix_product(graph, node) and depth % 4 == 0 and _scales_quickly(graph, node)


def _sends_back(graph: Graph, node: Node) -> bool:
    shape = _weight_shape(graph, node)
    return is_matrix_product(graph, node) and shape[0] % 2 == 0 and shape[-1] % 2 == 0


def _updates(graph: Graph, node: Node) -> bool:
    has_low_bytes = bool(node.inputs[4])
    return (
        has_low_bytes and is_matrix_product(graph, node) and _weight_shape(graph, node)[-1] % 4 == 0
    )


def _is_depthwise(graph: Graph, node: Node) -> bool:
    """One output channel for each input channel, in fours."""
    inner, outer = graph.type(node.inputs[0]).shape[-1], graph.type(node.output).shape[-1]
    return inner == outer and inner % 4 == 0


def _filters(graph: Graph, node: Node) -> bool:
    return _is_depthwise(graph, node) and _scales_quickly(graph, node)


def _filters_back(graph: Graph, node: Node) -> bool:
    attrs = node.attrs
    dilation = ints(attrs, "dilation") if "dilation" in attrs else (1, 1)
    return _is_depthwise(graph, node) and dilation == (1, 1)


def _by_fours(graph: Graph, node: Node) -> bool:
    return graph.type(node.output).elements % 4 == 0


def _clips(graph: Graph, node: Node) -> bool:
    factor = node.inputs[3]
    return _by_fours(graph, node) and (not factor or graph.type(factor).elements % 4 == 0)


_INT16_POSITIONS = 256


def _sums_columns(graph: Graph, node: Node) -> bool:
    shape = graph.type(node.inputs[0]).shape
    return shape[-1] % 4 == 0 and math.prod(shape[:-1]) <= _INT16_POSITIONS


def _input_strip(graph: Graph, node: Node) -> int:
    return 8 * _weight_shape(graph, node)[-1]


def _gradient_strip(graph: Graph, node: Node) -> int:
    return 8 * _weight_shape(graph, node)[0]


def _window_taps(graph: Graph, node: Node) -> int:
    _, height, width, _ = _weight_shape(graph, node)
    return 8 * height * width


def _position_taps(graph: Graph, node: Node) -> int:
    return 8 * math.prod(graph.type(node.inputs[0]).shape[:-1])


def _no_cost(graph: Graph, node: Node) -> int:
    return 0


def _kernel(
    name: str,
    op: str,
    accepts: Accepts,
    scratch: Measure = _no_cost,
    sources: tuple[str, ...] = (),
) -> Kernel:
    return Kernel(f"{FOLDER}/{name}", op, accepts, _no_cost, scratch, sources=sources)


KERNELS: tuple[Kernel, ...] = (
    *(
        kernel
        for layer in ("conv2d", "linear")
        for kernel in (
            _kernel("live_linear", f"live_{layer}", _multiplies, _input_strip, (_ROWS, _STORE)),
            _kernel(
                "linear_input_gradient", f"{layer}_input_gradient", _sends_back, _gradient_strip,
                (_COLUMNS,),
            ),
            _kernel(
                "update_linear_weight", f"update_{layer}_weight", _updates, _position_taps, (_TAPS,)
            ),
        )
    ),
    _kernel(
        "live_depthwise_conv2d", "live_depthwise_conv2d", _filters, _window_taps, (_TAPS, _STORE)
    ),
    _kernel(
        "depthwise_conv2d_input_gradient", "depthwise_conv2d_input_gradient", _filters_back,
        _window_taps, (_TAPS,),
    ),
    _kernel("clip_gradient", "clip_gradient", _clips),
    _kernel("clip_wide_gradient", "clip_wide_gradient", _clips),
    _kernel("narrow_gradient", "narrow_gradient", _by_fours),
    _kernel("update_bias", "update_bias", _sums_columns),
)  # fmt: skip
