"""The constant descriptor of each operator: the structs of edge.h, filled from integer constants.

One function an operator, in the table DESCRIBE; field names are those of edge.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.emit import attention, decoder, float_descriptors, recurrent
from edge.emit.c_text import ConstArray, Field, Symbol
from edge.emit.context import (
    NULL,
    ROUNDING,
    Context,
    Descriptor,
    broadcast,
    dense_strides,
    padded_rank,
    requantize_fields,
    scale_arrays,
)
from edge.emit.packing import PACKERS, Packed
from edge.emit.packing.transposed import STRIDE_PACKERS
from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.planning.plan import Step
from edge.quantization import constants
from edge.quantization.resize_tables import resize_tables
from edge.quantization.simd128_add import quickest_add
from edge.quantization.softmax_table import softmax_table

__all__ = ["Descriptor", "describe"]


def describe(graph: Graph, node: Node, step: Step, prefix: str) -> Descriptor:
    """The descriptor of one operator for the kernel that the plan chose."""
    describes = float_descriptors.describes(step.kernel, node.op) or _DESCRIBE[node.op]
    return describes(Context(graph, node, step, prefix))


def _pointer(array: ConstArray | None) -> Symbol:
    """The array's name, NULL for one that the kernel's packing leaves empty."""
    return Symbol(array.name) if array is not None and array.data.size else NULL


def _packed(
    context: Context, weights: npt.NDArray[np.int8], weighted: constants.Weighted
) -> Packed:
    kernel = context.step.kernel
    if kernel in STRIDE_PACKERS:
        return STRIDE_PACKERS[kernel](weights, weighted, context.pair("stride"))
    return PACKERS[kernel](weights, weighted)


def _weighted(context: Context) -> tuple[dict[str, Field], tuple[ConstArray, ...], int]:
    """Weights and requantization of conv2d, depthwise_conv2d and linear, packed for the kernel."""
    weighted = constants.weighted(context.graph, context.node)
    weights = context.graph.constant(context.node.inputs[1]).astype(np.int8)
    packed = _packed(context, weights, weighted)
    weights_array = context.array("weights", packed.weights, f"{context.step.kernel} layout")
    bias, multiplier, shift = (
        context.array(what, getattr(packed, what)) for what in ("bias", "multiplier", "shift")
    )
    requantize = requantize_fields(weighted.requantize, bias, (multiplier, shift))
    requantize["per_channel"] = int(packed.per_channel)
    fields: dict[str, Field] = {"weights": Symbol(weights_array.name), "requantize": requantize}
    arrays = tuple(a for a in (weights_array, bias, multiplier, shift) if a.data.size)
    return fields, arrays, weighted.in_zero_point


def _window(context: Context, kernel: tuple[int, ...]) -> dict[str, Field]:
    stride, padding = context.pair("stride"), context.pair("padding")
    return {
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": stride[0],
        "stride_w": stride[1],
        "pad_top": padding[0],
        "pad_left": padding[2],
    }


def _conv2d(context: Context) -> Descriptor:
    if context.step.kernel in _LINEAR_KERNELS:
        return _linear(context)
    fields, arrays, zero_point = _weighted(context)
    x, out = context.shape(0), context.out_shape
    dilation = (1, 1) if context.node.op == "conv_transpose2d" else context.pair("dilation")
    fields |= {"in_w": x[2], "in_c": x[3], "out_w": out[2], "out_c": out[3]}
    fields |= _window(context, context.shape(1)[1:3])
    fields |= {"dilation_h": dilation[0], "dilation_w": dilation[1]}
    groups = attributes(context.node).get("groups", 1)
    fields |= {"groups": int(str(groups)), "in_zero_point": zero_point}
    return Descriptor("edge_conv2d", fields, arrays)


# Kernels that serve a 1x1 convolution as a matrix product over pixels.
_LINEAR_KERNELS = (
    "ref/linear_s8",
    "ref/linear_sparse_s8",
    "dsp/pointwise_conv2d_s8",
    "dsp/pointwise_conv2d_wide_s8",
    "dsp/linear_pairs_s8",
    "dsp/linear_sparse_s8",
    "dsp/pointwise_conv2d_pairs_s8",
    "dsp/pointwise_conv2d_scattered_s8",
    "dsp/pointwise_conv2d_sparse_s8",
    "dsp/pointwise_conv2d_sparse_few_s8",
    "dsp/pointwise_conv2d_sparse_lean_s8",
    "dsp/linear_s8",
    "mve/pointwise_conv2d_s8",
    "mve/pointwise_conv2d_sparse_s8",
    "mve/pointwise_conv2d_sparse_words_s8",
    "mve/linear_sparse_s8",
    "mve/linear_s8",
    "simd128/pointwise_conv2d_s8",
    "simd128/pointwise_conv2d_duos_s8",
    "simd128/pointwise_conv2d_quads_s8",
    "relaxed/pointwise_conv2d_s8",
    "neon/linear_s8",
    "neondot/linear_s8",
    "neondot/linear_sparse_s8",
    "neoni8mm/linear_s8",
    "neoni8mm/linear_sparse_s8",
)


def _linear(context: Context) -> Descriptor:
    fields, arrays, _ = _weighted(context)
    out_channels = context.out_shape[-1]
    fields |= {
        "pixels": context.elements // out_channels,
        "in_c": context.shape(0)[-1],
        "out_c": out_channels,
    }
    return Descriptor("edge_linear", fields, arrays)


def _pool(context: Context, requantize: dict[str, Field], zero_point: int) -> dict[str, Field]:
    x = context.shape(0)
    sizes: dict[str, Field] = {"in_w": x[2], "in_c": x[3], "out_w": context.out_shape[2]}
    window = _window(context, context.pair("kernel"))
    return {"requantize": requantize, **sizes, **window, "in_zero_point": zero_point}


def _avg_pool2d(context: Context) -> Descriptor:
    pool = constants.avg_pool(context.graph, context.node)
    scale = scale_arrays(context, pool.requantize)
    requantize = requantize_fields(pool.requantize, None, scale)
    return Descriptor("edge_pool2d", _pool(context, requantize, pool.in_zero_point), scale)


def _max_pool2d(context: Context) -> Descriptor:
    minimum, maximum = constants.activation_range(context.graph, context.node)
    clamp: dict[str, Field] = {"minimum": minimum, "maximum": maximum}
    return Descriptor("edge_pool2d", _pool(context, clamp, 0))


def _mean(context: Context) -> Descriptor:
    mean = constants.mean(context.graph, context.node)
    scale = scale_arrays(context, mean.requantize)
    bias = context.array("bias", np.array([mean.bias], np.int32))
    fields: dict[str, Field] = {
        "requantize": requantize_fields(mean.requantize, bias, scale),
        "positions": mean.positions,
        "channels": context.shape(0)[-1],
    }
    return Descriptor("edge_mean", fields, (bias, *scale))


def _operand_sizes(context: Context) -> dict[str, Field]:
    """Elements of one row, and of each operand in it; a smaller operand repeats."""

    def size(index: int) -> int:
        elements = math.prod(context.shape(index))
        whole = elements == math.prod(context.out_shape)
        return elements // context.step.rows if whole else elements

    return {"elements": context.elements, "a_size": size(0), "b_size": size(1)}


def _add(context: Context) -> Descriptor:
    add = constants.add(context.graph, context.node)
    if context.step.kernel == "simd128/add_s8":
        add = quickest_add(add)
    fields: dict[str, Field] = {
        "a": _operand(add.a),
        "b": _operand(add.b),
        "out_multiplier": add.out_multiplier,
        "out_shift": add.out_shift,
        "rounding": ROUNDING[add.form],
        "subtract": int(add.subtract),
        "zero_point": add.zero_point,
        "minimum": add.minimum,
        "maximum": add.maximum,
        **_operand_sizes(context),
    }
    if context.step.kernel == "ref/add_broadcast_s8":
        return Descriptor("edge_add_broadcast", {"add": fields, "shape": broadcast(context)})
    return Descriptor("edge_add", fields)


def _operand(operand: constants.Operand) -> dict[str, Field]:
    return {
        "multiplier": operand.multiplier,
        "shift": operand.shift,
        "zero_point": operand.zero_point,
    }


def _mul(context: Context) -> Descriptor:
    mul = constants.mul(context.graph, context.node)
    scale = scale_arrays(context, mul.requantize)
    fields: dict[str, Field] = {
        "requantize": requantize_fields(mul.requantize, None, scale),
        "a_zero_point": mul.a_zero_point,
        "b_zero_point": mul.b_zero_point,
        **_operand_sizes(context),
    }
    if context.step.kernel == "ref/mul_broadcast_s8":
        shape = broadcast(context)
        return Descriptor("edge_mul_broadcast", {"mul": fields, "shape": shape}, scale)
    return Descriptor("edge_mul", fields, scale)


def _requantize_op(context: Context) -> Descriptor:
    rescale = constants.rescale(context.graph, context.node)
    scale = scale_arrays(context, rescale.requantize)
    fields: dict[str, Field] = {
        "requantize": requantize_fields(rescale.requantize, None, scale),
        "in_zero_point": rescale.in_zero_point,
        "elements": context.elements,
    }
    return Descriptor("edge_rescale", fields, scale)


def _lookup(context: Context) -> Descriptor:
    table = context.array("table", context.graph.constant(context.node.inputs[1]))
    fields: dict[str, Field] = {"table": Symbol(table.name), "elements": context.elements}
    return Descriptor("edge_lookup", fields, (table,))


def _softmax(context: Context) -> Descriptor:
    table = context.array(
        "exp", softmax_table(context.graph, context.node), "exp of the distance to the maximum, Q31"
    )
    classes = context.out_shape[-1]
    fields: dict[str, Field] = {
        "table": Symbol(table.name),
        "vectors": context.elements // classes,
        "classes": classes,
    }
    return Descriptor("edge_softmax", fields, (table,))


def _affine(context: Context) -> Descriptor:
    affine = constants.affine(context.graph, context.node)
    fields: dict[str, Field] = {
        "scale": affine.scale,
        "zero_point": affine.zero_point,
        "rounding": ROUNDING[affine.form],
        "elements": context.elements,
    }
    return Descriptor("edge_affine", fields)


def _resize(context: Context) -> Descriptor:
    tables = resize_tables(context.graph, context.node)
    names = ["row_index", "column_index", "row_fraction", "column_fraction"]
    arrays = {
        name: context.array(name, table)
        for name in names
        if (table := getattr(tables, name)) is not None
    }
    x, out = context.shape(0), context.out_shape
    pixel_bytes = x[3] * context.graph.type(context.node.output).dtype.itemsize
    sizes = {"in_h": x[1], "in_w": x[2], "out_h": out[1], "out_w": out[2], "channels": pixel_bytes}
    pointers = {name: Symbol(array.name) for name, array in arrays.items()}
    return Descriptor("edge_resize", {**pointers, **sizes}, tuple(arrays.values()))


def _strided(context: Context, stride: tuple[int, ...], offset: int) -> Descriptor:
    fields: dict[str, Field] = {
        "size": padded_rank(context.out_shape, 1),
        "stride": padded_rank(stride, 0),
        "offset": offset,
        "element_bytes": context.graph.type(context.node.output).dtype.itemsize,
    }
    return Descriptor("edge_strided", fields)


def _transpose(context: Context) -> Descriptor:
    strides = dense_strides(context.shape(0))
    return _strided(context, tuple(strides[axis] for axis in context.pair("permutation")), 0)


def _slice(context: Context) -> Descriptor:
    strides = dense_strides(context.shape(0))
    begin, step = context.pair("begin"), context.pair("strides")
    offset = sum(b * stride for b, stride in zip(begin, strides, strict=True))
    return _strided(context, tuple(a * b for a, b in zip(step, strides, strict=True)), offset)


def _hidden(context: Context) -> Descriptor:
    """Hidden values are the first half of the last axis: floats are moved as they are."""
    if context.step.kernel == "ref/strided":
        return _strided(context, dense_strides(context.shape(0)), 0)
    return recurrent.hidden(context)


def _pad(context: Context) -> Descriptor:
    padding = context.pair("padding")
    fields: dict[str, Field] = {
        "size": padded_rank(context.shape(0), 1),
        "before": padded_rank(padding[0::2], 0),
        "after": padded_rank(padding[1::2], 0),
        "value": constants.pad_value(context.graph, context.node),
    }
    return Descriptor("edge_pad", fields)


def _concat(context: Context) -> Descriptor:
    axis = int(str(attributes(context.node)["axis"]))
    types = [context.graph.type(name) for name in context.node.inputs]
    outer = math.prod(context.out_shape[:axis])
    inner = np.array([tensor.nbytes // outer for tensor in types], np.int32)
    array = context.array("inner", inner, "bytes of each input per outer index")
    fields: dict[str, Field] = {
        "inner": Symbol(array.name),
        "inputs": len(types),
        "outer": outer,
    }
    return Descriptor("edge_concat", fields, (array,))


_DESCRIBE: dict[str, Callable[[Context], Descriptor]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _conv2d,
    "conv_transpose2d": _conv2d,
    "matmul": attention.matmul,
    "layer_norm": attention.layer_norm,
    "embedding": decoder.embedding,
    "rms_norm": decoder.rms_norm,
    "rotary": decoder.rotary,
    "append": decoder.append,
    "ring_attention": decoder.ring_attention,
    "residual": decoder.residual,
    "argmax": decoder.argmax,
    "advance": decoder.advance,
    "gru": recurrent.recurrent,
    "lstm": recurrent.recurrent,
    "hidden": _hidden,
    "linear": _linear,
    "avg_pool2d": _avg_pool2d,
    "max_pool2d": _max_pool2d,
    "mean": _mean,
    "add": _add,
    "sub": _add,
    "mul": _mul,
    "requantize": _requantize_op,
    "lookup": _lookup,
    "softmax": _softmax,
    "quantize": _affine,
    "dequantize": _affine,
    "resize": _resize,
    "transpose": _transpose,
    "slice": _slice,
    "pad": _pad,
    "concat": _concat,
}
