"""Layer normalization, products of computed tensors, and attention, which is made of them."""

from __future__ import annotations

import math

import numpy as np

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Constant, Layout, Operand, Tensor, plain


def layer_norm(builder: Builder, arguments: Arguments) -> Operand:
    """An omitted weight is 1, an omitted bias 0."""
    x, shape = arguments.tensor("input"), tuple(arguments["normalized_shape"])
    if len(shape) != 1:
        raise unsupported(f"normalization over {len(shape)} axes", "flatten them into the last one")
    x = last_stored_last(builder, x, x.rank - 1)
    defaults = {"weight": 1.0, "bias": 0.0}
    parameters = [
        arguments.optional_constant(name)
        or Constant(f"{builder.current}.{name}", np.full(shape, default, np.float32))
        for name, default in defaults.items()
    ]
    inputs = [x.name, *(builder.store(c.name, c.real) for c in parameters)]
    return builder.result(builder.emit("layer_norm", inputs, {"epsilon": arguments["eps"]}), x)


def native_layer_norm(builder: Builder, arguments: Arguments) -> Operand:
    """The decomposed form, which also returns the (unused) statistics."""
    return (layer_norm(builder, arguments), (), ())


def last_stored_last(builder: Builder, x: Tensor, dim: int) -> Tensor:
    """The tensor with one of its dimensions innermost."""
    if x.layout[-1] == dim:
        return x
    return builder.to_layout(x, (*(d for d in x.layout if d != dim), dim))


def product(builder: Builder, a: Tensor, b: Tensor, name: str = "") -> Tensor:
    """a @ b of computed tensors; b is stored with its last dimensions swapped if that is nearer."""
    if a.shape[:-2] != b.shape[:-2] or min(a.rank, b.rank) < 2:
        raise unsupported(
            f"the product of tensors {a.shape} and {b.shape}",
            "give both the same leading dimensions",
        )
    rank = a.rank
    swapped: Layout = (*range(rank - 2), rank - 1, rank - 2)
    transposed = b.layout[-1] == rank - 2
    a = builder.to_layout(a, plain(rank))
    b = builder.to_layout(b, swapped if transposed else plain(rank))
    made = builder.emit("matmul", [a.name, b.name], {"transpose_b": transposed}, name=name)
    return Tensor(made, (*a.shape[:-1], b.shape[-1]), plain(rank))


def bmm(builder: Builder, arguments: Arguments) -> Operand:
    return product(builder, arguments.tensor("self"), arguments.tensor("mat2"))


def attention(builder: Builder, arguments: Arguments) -> Operand:
    """softmax(q k^T * scale) v. The scale becomes the softmax's factor, which costs nothing."""
    arguments.require("attn_mask", None)
    arguments.require("dropout_p", 0.0)
    arguments.require("is_causal", False)
    arguments.require("enable_gqa", False)
    query, key, value = (arguments.tensor(name) for name in ("query", "key", "value"))
    scale = arguments.get("scale")
    beta = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    # Moved before there are scores, so that nothing stands between the products of a head.
    value = builder.to_layout(value, plain(value.rank))
    scores = product(builder, query, _transposed(key), f"{builder.current}_scores")
    name = f"{builder.current}_weights"
    weights = builder.emit("softmax", [scores.name], {"beta": beta}, name=name)
    return product(builder, builder.result(weights, scores), value)


def _transposed(x: Tensor) -> Tensor:
    """The tensor with its last two dimensions swapped, stored as it is."""
    last, before = x.rank - 1, x.rank - 2
    swap = {last: before, before: last}
    layout = tuple(swap.get(dim, dim) for dim in x.layout)
    return Tensor(x.name, (*x.shape[:-2], x.shape[-1], x.shape[-2]), layout)


CONVERTERS = {
    "aten.layer_norm.default": layer_norm,
    "aten.native_layer_norm.default": native_layer_norm,
    "aten.bmm.default": bmm,
    "aten.scaled_dot_product_attention.default": attention,
}
