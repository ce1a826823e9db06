"""Matrix products; with a constant they are linear layers, weights [out_features, in_features]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.convert.attention import product
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Constant, Operand, Tensor, plain


def linear(builder: Builder, arguments: Arguments) -> Operand:
    bias = arguments.optional_constant("bias")
    return _linear(builder, arguments.tensor("input"), arguments.constant("weight"), bias)


def addmm(builder: Builder, arguments: Arguments) -> Operand:
    arguments.require("alpha", 1)
    arguments.require("beta", 1)
    bias = arguments.constant("self")
    return _linear(builder, arguments.tensor("mat1"), _columns(arguments, "mat2"), bias)


def matmul(builder: Builder, arguments: Arguments, right: str) -> Operand:
    x, other = arguments.tensor("self"), arguments[right]
    if isinstance(other, Tensor):
        return product(builder, x, other)
    return _linear(builder, x, _columns(arguments, right), None)


def _columns(arguments: Arguments, name: str) -> Constant:
    """A constant right operand [in, out] as a weight [out, in]."""
    constant = arguments.constant(name)
    if len(constant.shape) != 2:
        raise unsupported(f"{name} of shape {constant.shape} (only matrices)")
    return constant.transposed((1, 0))


def _linear(builder: Builder, x: Tensor, weight: Constant, bias: Constant | None) -> Operand:
    if not x.layout or x.layout[-1] != x.rank - 1:
        x = builder.to_layout(x, plain(x.rank))
    inputs = [x.name, builder.weight(weight)]
    if bias is not None:
        inputs.append(builder.store(bias.name, bias.real))
    return builder.result(builder.emit("linear", inputs), x, (*x.shape[:-1], weight.shape[0]))


CONVERTERS: Mapping[str, Callable[[Builder, Arguments], Operand]] = {
    "aten.linear.default": linear,
    "aten.addmm.default": addmm,
    "aten.mm.default": partial(matmul, right="mat2"),
    "aten.matmul.default": partial(matmul, right="other"),
}
