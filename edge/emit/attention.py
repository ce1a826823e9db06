"""Descriptors of matmul and layer_norm."""

from __future__ import annotations

from edge.emit.c_text import Field, Symbol
from edge.emit.context import Context, Descriptor, requantize_fields, scale_arrays
from edge.quantization.layer_norm import layer_norm as layer_norm_constants
from edge.quantization.matmul import matmul as matmul_constants


def matmul(context: Context) -> Descriptor:
    product = matmul_constants(context.graph, context.node)
    scale = scale_arrays(context, product.requantize)
    rows, depth = context.shape(0)[-2:]
    columns = context.out_shape[-1]
    fields: dict[str, Field] = {
        "requantize": requantize_fields(product.requantize, None, scale),
        "batches": context.elements // (rows * columns),
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "a_zero_point": product.a_zero_point,
        "b_zero_point": product.b_zero_point,
        "b_transposed": int(bool(context.attrs["transpose_b"])),
    }
    return Descriptor("edge_matmul", fields, scale)


def layer_norm(context: Context) -> Descriptor:
    norm = layer_norm_constants(context.graph, context.node)
    gain = context.array("gain", norm.gain)
    offset = context.array("offset", norm.offset)
    fields: dict[str, Field] = {
        "gain": Symbol(gain.name),
        "offset": Symbol(offset.name),
        "epsilon": norm.epsilon,
        "vectors": context.elements // norm.channels,
        "channels": norm.channels,
        "fraction_bits": norm.fraction_bits,
        "shift": norm.shift,
        "minimum": norm.minimum,
        "maximum": norm.maximum,
    }
    return Descriptor("edge_layer_norm", fields, (gain, offset))
