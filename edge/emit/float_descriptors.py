"""The constant descriptors of float32 operators: the structs of f32.h."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edge.emit.c_text import Field, Symbol
from edge.emit.context import Context, Descriptor, broadcast, padded_rank
from edge.emit.packing.f32 import FLOAT_PACKERS
from edge.quantization.float_form import LIMITS, bias_of
from edge.quantization.resize_tables import float_positions


def _limits(context: Context) -> dict[str, Field]:
    minimum, maximum = LIMITS[str(context.attrs["activation"])]
    return {"minimum": minimum, "maximum": maximum}


def _weighted(context: Context) -> Descriptor:
    """Weights, bias and limits of conv2d, depthwise_conv2d and linear, packed for the kernel."""
    graph, node = context.graph, context.node
    weights = graph.constant(node.inputs[1]).astype(np.float32)
    packed = FLOAT_PACKERS[context.step.kernel](weights, bias_of(graph, node))
    arrays = (
        context.array("weights", packed.weights, f"{context.step.kernel} layout"),
        context.array("bias", packed.bias),
    )
    pointers = {"weights": Symbol(arrays[0].name), "bias": Symbol(arrays[1].name)}
    return Descriptor("", {**pointers, **_limits(context)}, arrays)


def _window(context: Context, kernel: tuple[int, ...]) -> dict[str, Field]:
    stride, padding = context.pair("stride"), context.pair("padding")
    sizes = {"kernel_h": kernel[0], "kernel_w": kernel[1]}
    strides = {"stride_h": stride[0], "stride_w": stride[1]}
    return {**sizes, **strides, "pad_top": padding[0], "pad_left": padding[2]}


def _conv2d(context: Context) -> Descriptor:
    if context.step.kernel in LINEAR_KERNELS:
        return _linear(context)
    weighted = _weighted(context)
    x, out, dilation = context.shape(0), context.out_shape, _dilation(context)
    fields: dict[str, Field] = {
        **weighted.fields,
        **{"in_w": x[2], "in_c": x[3], "out_w": out[2], "out_c": out[3]},
        **_window(context, context.shape(1)[1:3]),
        **{"dilation_h": dilation[0], "dilation_w": dilation[1]},
        "groups": int(str(context.attrs.get("groups", 1))),
    }
    return Descriptor("edge_conv2d_f32", fields, weighted.arrays)


def _dilation(context: Context) -> tuple[int, ...]:
    return (1, 1) if context.node.op == "conv_transpose2d" else context.pair("dilation")


LINEAR_KERNELS = (
    "ref/linear_f32",
    "ref/linear_fused_f32",
    "f32x4/pointwise_conv2d_f32",
    "f32x4/sparse_pointwise_conv2d_f32",
    "fused/pointwise_conv2d_f32",
    "fused/sparse_pointwise_conv2d_f32",
)
"""Kernels that serve a 1x1 convolution as a matrix product over pixels."""


def _linear(context: Context) -> Descriptor:
    weighted = _weighted(context)
    channels = context.out_shape[-1]
    sizes = {"pixels": context.elements // channels, "in_c": context.shape(0)[-1]}
    return Descriptor(
        "edge_linear_f32", {**weighted.fields, **sizes, "out_c": channels}, weighted.arrays
    )


def _pool(context: Context) -> Descriptor:
    x = context.shape(0)
    sizes = {"in_w": x[2], "in_c": x[3], "out_w": context.out_shape[2]}
    window = _window(context, context.pair("kernel"))
    return Descriptor("edge_pool2d_f32", {**_limits(context), **sizes, **window})


def _mean(context: Context) -> Descriptor:
    x = context.shape(0)
    fields: dict[str, Field] = {"positions": math.prod(x) // x[-1], "channels": x[-1]}
    return Descriptor("edge_mean_f32", fields)


def _pair(context: Context) -> Descriptor:
    sizes: dict[str, Field] = {}
    for index, name in enumerate(("a_size", "b_size")):
        elements = math.prod(context.shape(index))
        whole = elements == math.prod(context.out_shape)
        sizes[name] = elements // (context.step.rows if whole else 1)
    subtract = int(context.node.op == "sub")
    fields = {**_limits(context), "subtract": subtract, "elements": context.elements, **sizes}
    if context.step.kernel in _BROADCAST_KERNELS:
        return Descriptor("edge_pair_broadcast_f32", {"pair": fields, "shape": broadcast(context)})
    return Descriptor("edge_pair_f32", fields)


_BROADCAST_KERNELS = ("ref/add_broadcast_f32", "ref/mul_broadcast_f32")


def _matmul(context: Context) -> Descriptor:
    rows, depth = context.shape(0)[-2:]
    columns = context.out_shape[-1]
    fields: dict[str, Field] = {
        "batches": context.elements // (rows * columns),
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "b_transposed": int(bool(context.attrs["transpose_b"])),
    }
    return Descriptor("edge_matmul_f32", fields)


def _layer_norm(context: Context) -> Descriptor:
    gain, offset = (
        context.array(what, context.graph.constant(name).astype(np.float32))
        for what, name in zip(("gain", "offset"), context.node.inputs[1:], strict=True)
    )
    channels = context.out_shape[-1]
    fields: dict[str, Field] = {
        "gain": Symbol(gain.name),
        "offset": Symbol(offset.name),
        "epsilon": float(str(context.attrs["epsilon"])),
        "vectors": context.elements // channels,
        "channels": channels,
    }
    return Descriptor("edge_layer_norm_f32", fields, (gain, offset))


def _softmax(context: Context) -> Descriptor:
    classes = context.out_shape[-1]
    beta = float(str(context.attrs["beta"]))
    vectors = context.elements // classes
    fields: dict[str, Field] = {"beta": beta, "vectors": vectors, "classes": classes}
    return Descriptor("edge_softmax_f32", fields)


def _unary(context: Context) -> Descriptor:
    fields: dict[str, Field] = {
        "function": Symbol(f"EDGE_F32_{str(context.attrs['function']).upper()}"),
        "alpha": float(str(context.attrs["alpha"])),
        "elements": context.elements,
    }
    return Descriptor("edge_unary_f32", fields)


def _pad(context: Context) -> Descriptor:
    padding = context.pair("padding")
    fields: dict[str, Field] = {
        "size": padded_rank(context.shape(0), 1),
        "before": padded_rank(padding[0::2], 0),
        "after": padded_rank(padding[1::2], 0),
        "value": float(str(context.attrs["value"])),
    }
    return Descriptor("edge_pad_f32", fields)


def _resize_bilinear(context: Context) -> Descriptor:
    x, out = context.shape(0), context.out_shape
    modes = (bool(context.attrs[name]) for name in ("align_corners", "half_pixel_centers"))
    corners, centers = modes
    row, column = (float_positions(x[i], out[i], corners, centers) for i in (1, 2))
    arrays = {
        "row_index": context.array("row_index", row[0]),
        "column_index": context.array("column_index", column[0]),
        "row_fraction": context.array("row_fraction", row[1]),
        "column_fraction": context.array("column_fraction", column[1]),
    }
    sizes = {"in_h": x[1], "in_w": x[2], "out_h": out[1], "out_w": out[2], "channels": x[3]}
    pointers = {name: Symbol(array.name) for name, array in arrays.items()}
    return Descriptor("edge_resize_f32", {**pointers, **sizes}, tuple(arrays.values()))


def _recurrent(context: Context) -> Descriptor:
    names = ("input_weights", "hidden_weights", "input_bias", "hidden_bias")
    arrays = [
        context.array(what, context.graph.constant(name).astype(np.float32) + np.float32(0))
        for what, name in zip(names, context.node.inputs[1:5], strict=True)
    ]
    fields: dict[str, Field] = {
        **{what: Symbol(array.name) for what, array in zip(names, arrays, strict=True)},
        "steps": context.out_shape[1],
        "features": context.shape(0)[2],
        "units": context.shape(2)[1],
        "has_initial": int(len(context.node.inputs) > 5 and bool(context.node.inputs[5])),
    }
    return Descriptor("edge_recurrent_f32", fields, tuple(arrays))


FLOAT_DESCRIBE: dict[str, Callable[[Context], Descriptor]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _conv2d,
    "conv_transpose2d": _conv2d,
    "gru": _recurrent,
    "lstm": _recurrent,
    "linear": _linear,
    "avg_pool2d": _pool,
    "max_pool2d": _pool,
    "mean": _mean,
    "add": _pair,
    "sub": _pair,
    "mul": _pair,
    "matmul": _matmul,
    "layer_norm": _layer_norm,
    "softmax": _softmax,
    "unary": _unary,
    "pad": _pad,
}
"""By operator; of resize only the bilinear mode is one of these."""


def describes(kernel: str, op: str) -> Callable[[Context], Descriptor] | None:
    """What describes an operator for a float32 kernel, None for the kernels of other types."""
    if not kernel.endswith("_f32") or op == "dequantize":
        return None
    return _resize_bilinear if op == "resize" else FLOAT_DESCRIBE[op]
