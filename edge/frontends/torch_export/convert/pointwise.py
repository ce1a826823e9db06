"""Functions of one value, softmax, and operators that do nothing at inference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.convert.attention import last_stored_last
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Operand, Tensor

_CLAMPS = {(0.0, None): "relu", (0.0, 6.0): "relu6", (-1.0, 1.0): "relu_n1_to_1"}


def apply(builder: Builder, x: Tensor, function: str, alpha: float = 0.0) -> Tensor:
    attrs: dict[str, str | float] = {"function": function}
    if alpha:
        attrs["alpha"] = alpha
    return builder.result(builder.emit("unary", [x.name], attrs), x)


def unary(builder: Builder, arguments: Arguments, function: str) -> Operand:
    return apply(builder, _only_input(arguments), function)


def _only_input(arguments: Arguments) -> Tensor:
    return arguments.tensor("self" if "self" in arguments else "input")


def clamp(builder: Builder, arguments: Arguments, low: str = "min", high: str = "max") -> Operand:
    bounds = (arguments[low], arguments.get(high))
    lower, upper = (None if bound is None else float(bound) for bound in bounds)
    x = arguments.tensor("self")
    if (lower, upper) == (None, 6.0) and builder.is_unary(x.name, "relu"):
        return apply(builder, x, "relu6")  # decomposed hard-swish clamps in two steps
    if lower is None or (lower, upper) not in _CLAMPS:
        raise unsupported(f"clamp to ({lower}, {upper}) (only (0, None), (0, 6) and (-1, 1))")
    return apply(builder, x, _CLAMPS[(lower, upper)])


hardtanh = partial(clamp, low="min_val", high="max_val")


def leaky_relu(builder: Builder, arguments: Arguments) -> Operand:
    slope = float(arguments["negative_slope"])
    return apply(builder, arguments.tensor("self"), "leaky_relu", slope)


def prelu(builder: Builder, arguments: Arguments) -> Operand:
    slopes = arguments.constant("weight").real
    if slopes.size != 1:
        raise unsupported("a slope per channel", "use nn.PReLU(num_parameters=1)")
    return apply(builder, arguments.tensor("self"), "leaky_relu", float(slopes.reshape(-1)[0]))


def elu(builder: Builder, arguments: Arguments) -> Operand:
    for name in ("alpha", "scale", "input_scale"):
        arguments.require(name, 1)
    return apply(builder, arguments.tensor("self"), "elu")


def gelu(builder: Builder, arguments: Arguments) -> Operand:
    function = "gelu_tanh" if arguments["approximate"] == "tanh" else "gelu"
    return apply(builder, arguments.tensor("self"), function)


def power(builder: Builder, arguments: Arguments) -> Operand:
    arguments.require("exponent", 2)
    return apply(builder, arguments.tensor("self"), "square")


def softmax(builder: Builder, arguments: Arguments) -> Operand:
    arguments.require("dtype", None)
    arguments.require("half_to_float", False)
    x = arguments.tensor("self")
    x = last_stored_last(builder, x, arguments["dim"] % x.rank)
    return builder.result(builder.emit("softmax", [x.name]), x)


def identity(builder: Builder, arguments: Arguments) -> Operand:
    arguments.require("train", False)
    arguments.require("training", False)
    return _only_input(arguments)


def cast(builder: Builder, arguments: Arguments) -> Operand:
    """Only a cast that changes nothing."""
    if str(arguments["dtype"]) not in ("None", "torch.float32"):
        raise unsupported(f"cast to {arguments['dtype']} (only float32)")
    return arguments.tensor("self")


_FUNCTIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "hardswish": "hard_swish",
    "hardsigmoid": "hard_sigmoid",
    "silu": "silu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "abs": "abs",
    "neg": "negate",
    "square": "square",
}
_IDENTITIES = (
    "dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "alias", "detach",
    "lift_fresh_copy",
)  # fmt: skip

CONVERTERS: Mapping[str, Callable[[Builder, Arguments], Operand]] = {
    **{f"aten.{t}.default": partial(unary, function=f) for t, f in _FUNCTIONS.items()},
    **{f"aten.{t}.default": identity for t in _IDENTITIES},
    "aten.clamp.default": clamp,
    "aten.clamp_min.default": clamp,
    "aten.hardtanh.default": hardtanh,
    "aten.leaky_relu.default": leaky_relu,
    "aten.prelu.default": prelu,
    "aten.elu.default": elu,
    "aten.to.dtype": cast,
    "aten.to.dtype_layout": cast,
    "aten._to_copy.default": cast,
    "aten.gelu.default": gelu,
    "aten.pow.Tensor_Scalar": power,
    "aten.softmax.int": softmax,
    "aten._softmax.default": softmax,
}
