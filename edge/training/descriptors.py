"""The constant descriptor of each training operator: the structs of edge/train.h."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edge.emit.c_text import ConstArray, Field, Symbol
from edge.emit.context import Descriptor, dense_strides, padded_rank
from edge.emit.descriptors import describe
from edge.emit.layers import c_name
from edge.ir import Graph, Node
from edge.ir.shapes import Shape, ints
from edge.planning.plan import Step
from edge.quantization.requantize import Form
from edge.training.kernels import Chosen, is_float

_ROUNDING = {Form.ONCE: "EDGE_ROUND_ONCE", Form.TWICE: "EDGE_ROUND_TWICE"}
_NULL = Symbol("NULL")


@dataclass(frozen=True, eq=False)
class Site:
    """A node, the kernel that runs it, and the C names of constants by value name."""

    graph: Graph
    node: Node
    chosen: Chosen
    symbols: Mapping[str, str]
    prefix: str

    def shape(self, slot: int) -> Shape:
        return self.graph.type(self.node.inputs[slot]).shape

    @property
    def out_shape(self) -> Shape:
        return self.graph.type(self.node.output).shape

    @property
    def elements(self) -> int:
        return math.prod(self.out_shape)

    @property
    def element_bytes(self) -> int:
        """Of the output."""
        tensor = self.graph.type(self.node.output)
        return tensor.nbytes // tensor.elements

    @property
    def is_float(self) -> bool:
        return is_float(self.graph, self.node)

    def number(self, name: str) -> int:
        return int(str(self.node.attrs[name]))

    def pointer(self, slot: int) -> Symbol:
        name = self.node.inputs[slot] if slot < len(self.node.inputs) else ""
        return Symbol(self.symbols[name]) if name else _NULL


def describe_training(site: Site) -> Descriptor:
    """The descriptor of a training operator."""
    if site.node.op.startswith("masked_"):
        return _masked(site)
    return _DESCRIBE[site.node.op](site)


def _block_window(site: Site, inner: Shape, outer: Shape) -> dict[str, Field]:
    """The same for a weight in blocks, whose kernels take a matrix product as a 1x1 window."""
    if "linear" not in site.node.op:
        return _window(site, inner, outer, ints(site.node.attrs, "shape")[1:3])
    one = {"stride": (1, 1), "padding": (0,) * 4}
    flat = replace(site, node=replace(site.node, attrs=one))
    rows = (1, 1, math.prod(inner[:-1]))
    return _window(flat, (*rows, inner[-1]), (*rows, outer[-1]), (1, 1))


def _window(site: Site, inner: Shape, outer: Shape, kernel: Shape) -> dict[str, Field]:
    """The window between the input and the output of a layer; a matrix product has one row."""
    attrs = site.node.attrs
    if "linear" in site.chosen.kernel:
        return {
            "in_h": 1, "in_w": math.prod(inner[:-1]), "in_c": inner[-1],
            "out_h": 1, "out_w": math.prod(outer[:-1]), "out_c": outer[-1],
        }  # fmt: skip
    stride, padding = ints(attrs, "stride"), ints(attrs, "padding")
    dilation = ints(attrs, "dilation") if "dilation" in attrs else (1, 1)
    return {
        "in_h": inner[1], "in_w": inner[2], "in_c": inner[3],
        "out_h": outer[1], "out_w": outer[2], "out_c": outer[3],
        "kernel_h": kernel[0], "kernel_w": kernel[1],
        "stride_h": stride[0], "stride_w": stride[1],
        "dilation_h": dilation[0], "dilation_w": dilation[1],
        "pad_top": padding[0], "pad_left": padding[2],
        "groups": int(str(attrs.get("groups", 1))),
    }  # fmt: skip


def _live(site: Site) -> Descriptor:
    multiplier = site.graph.type(site.node.inputs[3])
    requantize: dict[str, Field] = {
        "bias": _NULL,
        "multiplier": site.pointer(3),
        "shift": site.pointer(4),
        "per_channel": int(multiplier.elements > 1),
        "rounding": Symbol(_ROUNDING[Form(str(site.node.attrs["form"]))]),
        "zero_point": site.number("zero_point"),
        "minimum": site.number("minimum"),
        "maximum": site.number("maximum"),
    }
    if "sparse" in site.node.op:
        window = _block_window(site, site.shape(0), site.out_shape)
    else:
        window = _window(site, site.shape(0), site.out_shape, site.shape(1)[1:3])
    fields: dict[str, Field] = {
        "window": window,
        "requantize": requantize,
        "in_zero_point": site.number("in_zero_point"),
    }
    return Descriptor("edge_live", fields)


_PLAIN_KERNELS = {
    "masked_add": "ref/add_s8", "masked_sub": "ref/add_s8", "masked_mul": "ref/mul_s8",
    "masked_matmul": "ref/matmul_s8", "masked_mean": "ref/mean_s8",
    "masked_requantize": "ref/requantize_s8",
}  # fmt: skip


def _masked(site: Site) -> Descriptor:
    """That of the inference operator; a pool is described as a layer."""
    node = site.node
    plain = replace(node, op=node.op.removeprefix("masked_"), outputs=node.outputs[:1])
    step = Step(node.name, _PLAIN_KERNELS.get(node.op, "ref/avg_pool2d_s8"), 1)
    described = describe(site.graph, plain, step, site.prefix)
    if node.op != "masked_avg_pool2d":
        return described
    fields: dict[str, Field] = {
        "window": _window(site, site.shape(0), site.out_shape, ints(node.attrs, "kernel")),
        "requantize": described.fields["requantize"],
        "in_zero_point": described.fields["in_zero_point"],
    }
    return Descriptor("edge_live", fields, described.arrays)


def _join(site: Site) -> Descriptor:
    axis = site.number("axis")
    trained, frozen = (math.prod(site.shape(slot)[axis:]) for slot in (0, 1))
    outer = math.prod(site.out_shape[:axis])
    return Descriptor("edge_join", {"outer": outer, "trained": trained, "frozen": frozen})


def _elements(site: Site) -> Descriptor:
    return Descriptor("edge_elements", {"elements": site.elements, "channels": site.elements})


def _clip(site: Site) -> Descriptor:
    factor = site.node.inputs[3]
    channels = site.graph.type(factor).elements if factor else site.elements
    fields: dict[str, Field] = {
        "elements": site.elements, "channels": channels, "power": site.number("power")
    }  # fmt: skip
    return Descriptor("edge_elements", fields)


def _add(site: Site) -> Descriptor:
    if site.is_float:
        floats: dict[str, Field] = {
            name: float(np.float32(float(str(site.node.attrs[name]))))
            for name in ("multiplier", "other_multiplier")
        }
        return Descriptor("edge_add_gradient_f32", {"elements": site.elements, **floats})
    names = ("multiplier", "power", "other_multiplier", "other_power")
    fields: dict[str, Field] = {name: site.number(name) for name in names}
    return Descriptor("edge_add_gradient", {"elements": site.elements, **fields})


def _input_gradient(site: Site) -> Descriptor:
    window = _window(site, site.out_shape, site.shape(0), site.shape(2)[1:3])
    return Descriptor("edge_window", window)


def _input_gradient_blocks(site: Site) -> Descriptor:
    return Descriptor("edge_window", _block_window(site, site.out_shape, site.shape(0)))


def _update_blocks(site: Site) -> Descriptor:
    return _update(site, _block_window(site, site.shape(2), site.shape(0)))


def _top(site: Site) -> Descriptor:
    channels = site.out_shape[-1]
    fields: dict[str, Field] = {
        "positions": site.elements // channels, "channels": channels, "keep": site.number("keep")
    }  # fmt: skip
    return Descriptor("edge_top_gradient", fields)


def _pool(site: Site) -> Descriptor:
    kernel = ints(site.node.attrs, "kernel")
    average = site.node.op == "avg_pool2d_gradient"
    fields: dict[str, Field] = {
        "window": _window(site, site.out_shape, site.shape(0), kernel),
        "shift": site.number("shift") if average and not site.is_float else 0,
        "per_count": int(average and site.graph.type(site.node.inputs[1]).elements > 1),
    }
    return Descriptor("edge_pool_gradient", fields)


def _mean(site: Site) -> Descriptor:
    channels = math.prod(site.shape(0))
    fields: dict[str, Field] = {
        "positions": site.elements // channels, "bytes": channels * site.element_bytes
    }  # fmt: skip
    return Descriptor("edge_positions", fields)


def _slice(site: Site) -> Descriptor:
    strides = dense_strides(site.out_shape)
    begin, step = ints(site.node.attrs, "begin"), ints(site.node.attrs, "strides")
    taken = tuple(a * b for a, b in zip(step, strides, strict=True))
    strided: dict[str, Field] = {
        "size": padded_rank(site.shape(0), 1),
        "stride": padded_rank(taken, 0),
        "offset": sum(b * stride for b, stride in zip(begin, strides, strict=True)),
        "element_bytes": site.element_bytes,
    }
    return Descriptor("edge_scatter", {"strided": strided, "elements": site.elements})


def _mul(site: Site) -> Descriptor:
    size = padded_rank(site.shape(0), 1)
    has_other = site.node.op == "mul_gradient"
    other = padded_rank(site.shape(2), 1) if has_other else size
    shape: dict[str, Field] = {
        "size": size,
        "a_stride": _repeating(padded_rank(site.out_shape, 1)),
        "b_stride": _repeating(other),
    }
    fields: dict[str, Field] = {
        "shape": shape,
        "outputs": site.elements,
        "zero_point": site.number("zero_point") if has_other else 0,
    }
    return Descriptor("edge_mul_gradient", fields)


def _repeating(shape: Shape) -> Shape:
    """Steps through an operand; 0 along the axes in which it may repeat."""
    strides = dense_strides(shape)
    return tuple(0 if n == 1 else stride for n, stride in zip(shape, strides, strict=True))


def _matmul(site: Site) -> Descriptor:
    batches = site.number("batches")
    steps = {name: ints(site.node.attrs, name) for name in ("gradient_steps", "other_steps")}
    fields: dict[str, Field] = {
        "batches": batches,
        "gradient_size": math.prod(site.shape(0)) // batches,
        "other_size": math.prod(site.shape(2)) // batches,
        "sizes": ints(site.node.attrs, "sizes"),
        **steps,
        "zero_point": site.number("zero_point"),
    }
    return Descriptor("edge_matmul_gradient", fields)


def _softmax(site: Site) -> Descriptor:
    channels = site.out_shape[-1]
    fields: dict[str, Field] = {"vectors": site.elements // channels, "channels": channels}
    return Descriptor("edge_softmax_gradient", fields)


def _resize(site: Site) -> Descriptor:
    _, in_h, in_w, channels = site.out_shape
    fields: dict[str, Field] = {
        "in_h": in_h, "in_w": in_w, "out_h": site.shape(0)[1], "out_w": site.shape(0)[2],
        "channels": channels,
    }  # fmt: skip
    return Descriptor("edge_resize_gradient", fields)


def _layer_norm(site: Site) -> Descriptor:
    channels = site.out_shape[-1]
    names = ("epsilon", "fraction_bits", "shift", "minimum", "maximum")
    fields: dict[str, Field] = {"gain": site.pointer(3), "offset": site.pointer(4)}
    fields |= {name: site.number(name) for name in names}
    fields |= {"vectors": site.elements // channels, "channels": channels}
    if site.is_float:
        floats: dict[str, Field] = {"norm": fields, "weight": site.pointer(5)}
        return Descriptor("edge_layer_norm_gradient_f32", floats)
    return Descriptor("edge_layer_norm", fields)


def _update_bias(site: Site) -> Descriptor:
    shape = site.shape(0)
    fields: dict[str, Field] = {
        "positions": math.prod(shape[:-1]), "channels": shape[-1], "limit": site.number("limit")
    }  # fmt: skip
    return Descriptor("edge_update_bias", fields)


def _update_weight(site: Site) -> Descriptor:
    weight = site.shape(3)
    window = _window(site, site.shape(2), site.shape(0), weight[1:3])
    if site.node.op == "update_depthwise_conv2d_weight":
        window["groups"] = weight[3]
    return _update(site, window)


def _update(site: Site, window: dict[str, Field]) -> Descriptor:
    fields: dict[str, Field] = {"window": window, "in_zero_point": site.number("in_zero_point")}
    fields |= {name: site.number(name) for name in ("first", "seed") if name in site.node.attrs}
    return Descriptor("edge_update_weight", fields)


_DESCRIBE: dict[str, Callable[[Site], Descriptor]] = {
    "live_conv2d": _live,
    "live_depthwise_conv2d": _live,
    "live_linear": _live,
    "join_weight": _join,
    "cross_entropy_gradient": _elements,
    "squared_error_gradient": _elements,
    "count": _elements,
    "clip_gradient": _clip,
    "clip_wide_gradient": _clip,
    "add_gradient": _add,
    "narrow_gradient": _elements,
    "conv2d_input_gradient": _input_gradient,
    "depthwise_conv2d_input_gradient": _input_gradient,
    "linear_input_gradient": _input_gradient,
    "avg_pool2d_gradient": _pool,
    "max_pool2d_gradient": _pool,
    "mean_gradient": _mean,
    "lookup_gradient": _elements,
    "slice_gradient": _slice,
    "mul_gradient": _mul,
    "sum_gradient": _mul,
    "matmul_gradient": _matmul,
    "softmax_gradient": _softmax,
    "resize_gradient": _resize,
    "layer_norm_gradient": _layer_norm,
    "update_bias": _update_bias,
    "update_conv2d_weight": _update_weight,
    "update_depthwise_conv2d_weight": _update_weight,
    "update_linear_weight": _update_weight,
    "live_sparse_conv2d": _live,
    "live_sparse_linear": _live,
    "sparse_conv2d_input_gradient": _input_gradient_blocks,
    "sparse_linear_input_gradient": _input_gradient_blocks,
    "update_sparse_conv2d_weight": _update_blocks,
    "update_sparse_linear_weight": _update_blocks,
    "top_gradient": _top,
}


def constant_array(name: str, prefix: str, graph: Graph) -> ConstArray:
    """A constant of the graph as an array in flash."""
    return ConstArray(f"{prefix}_{c_name(name)}", graph.constant(name), name)
