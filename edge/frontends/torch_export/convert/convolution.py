"""Convolutions: weights go from OIHW to OHWI, depthwise ones to [1, height, width, channels]."""

from __future__ import annotations

import numpy as np

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import N1LC, NHWC, Constant, Layout, Operand, Tensor

_OHWI = (0, 2, 3, 1)
_OHWI_OF_IOHW = (1, 2, 3, 0)
_HWO = (1, 2, 3, 0)  # of [out, 1, kernel_h, kernel_w], giving [1, kernel_h, kernel_w, out]


def image(builder: Builder, tensor: Tensor) -> Tensor:
    """The tensor stored as an NHWC image; [N, C, L] becomes an image of height 1."""
    layouts: dict[int, Layout] = {3: N1LC, 4: NHWC}
    if tensor.rank not in layouts:
        raise unsupported(f"expected a batch of images or sequences, got shape {tensor.shape}")
    return builder.to_layout(tensor, layouts[tensor.rank])


def spatial(arguments: Arguments, name: str, rank: int, neutral: int) -> tuple[int, int]:
    """A per-axis setting as (height, width); sequences have the neutral value for the height."""
    numbers = arguments.ints(name, rank - 2)
    return (neutral, numbers[0]) if rank == 3 else (numbers[0], numbers[1])


def convolution(builder: Builder, arguments: Arguments) -> Operand:
    if arguments.get("transposed", False):
        return transposed_convolution(builder, arguments)
    x = image(builder, arguments.tensor("input"))
    weight = _as_2d(arguments.constant("weight"))
    stride = spatial(arguments, "stride", x.rank, 1)
    dilation = spatial(arguments, "dilation", x.rank, 1)
    kernel = (weight.shape[2], weight.shape[3])
    attrs = {
        "stride": stride,
        "padding": _padding(arguments, x.rank, kernel, stride, dilation),
        "dilation": dilation,
    }
    groups = arguments["groups"]
    inputs = [x.name, *_parameters(builder, arguments, weight, _is_depthwise(x, groups))]
    if _is_depthwise(x, groups):
        name = builder.emit("depthwise_conv2d", inputs, attrs)
    else:
        name = builder.emit("conv2d", inputs, {**attrs, "groups": groups})
    return builder.result(name, x, arguments.shape)


def transposed_convolution(builder: Builder, arguments: Arguments) -> Operand:
    """The weight is [in, out, height, width]."""
    arguments.require("groups", 1)
    x = image(builder, arguments.tensor("input"))
    if set(spatial(arguments, "dilation", x.rank, 1)) != {1}:
        raise unsupported("a transposed convolution with dilation")
    weight = _as_2d(arguments.constant("weight"))
    height, width = spatial(arguments, "padding", x.rank, 0)
    attrs = {
        "stride": spatial(arguments, "stride", x.rank, 1),
        "padding": (height, height, width, width),
        "output_padding": spatial(arguments, "output_padding", x.rank, 0),
    }
    inputs = [x.name, builder.weight(weight.transposed(_OHWI_OF_IOHW))]
    bias = arguments.optional_constant("bias")
    if bias is not None:
        inputs.append(builder.store(bias.name, bias.real))
    name = builder.emit("conv_transpose2d", inputs, attrs)
    return builder.result(name, x, arguments.shape)


def _is_depthwise(x: Tensor, groups: int) -> bool:
    return bool(groups > 1 and groups == x.shape[1])


def _as_2d(weight: Constant) -> Constant:
    """The weight of conv1d, [out, in, k], as that of a conv2d with a kernel of height 1."""
    if len(weight.shape) == 4:
        return weight
    return Constant(weight.name, np.expand_dims(weight.array, 2), weight.quantization)


def _parameters(
    builder: Builder, arguments: Arguments, weight: Constant, depthwise: bool
) -> list[str]:
    names = [builder.weight(weight.transposed(_HWO if depthwise else _OHWI))]
    bias = arguments.optional_constant("bias")
    return names if bias is None else [*names, builder.store(bias.name, bias.real)]


def _padding(
    arguments: Arguments,
    rank: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right). The odd pixel of "same" goes behind, as in torch."""
    if arguments["padding"] == "valid":
        return (0, 0, 0, 0)
    if arguments["padding"] == "same":
        if stride != (1, 1):
            raise unsupported("padding='same' with a stride")
        height, width = ((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
        return (height // 2, height - height // 2, width // 2, width - width // 2)
    height, width = spatial(arguments, "padding", rank, 0)
    return (height, height, width, width)


def batch_norm(builder: Builder, arguments: Arguments) -> Operand:
    """Normalization with fixed statistics; an omitted weight is 1, an omitted bias 0."""
    arguments.require("training", False)
    x = arguments.tensor("input")
    channels = x.shape[1]
    if x.rank > 2:
        x = image(builder, x)
    mean = arguments.constant("running_mean")
    defaults = {"weight": 1.0, "bias": 0.0}
    parameters = [
        arguments.optional_constant(name)
        or Constant(f"{builder.current}.{name}", np.full(channels, default, np.float32))
        for name, default in defaults.items()
    ]
    constants = [*parameters, mean, arguments.constant("running_var")]
    inputs = [x.name, *(builder.store(c.name, c.real) for c in constants)]
    name = builder.emit("batch_norm", inputs, {"epsilon": float(arguments["eps"])})
    return builder.result(name, x)


def batch_norm_with_statistics(builder: Builder, arguments: Arguments) -> Operand:
    """The decomposed form, which also returns the (unused) statistics of the batch."""
    return (batch_norm(builder, arguments), (), ())


CONVERTERS = {
    "aten.conv1d.default": convolution,
    "aten.conv1d.padding": convolution,
    "aten.conv2d.default": convolution,
    "aten.conv2d.padding": convolution,
    "aten.convolution.default": convolution,
    "aten.conv_transpose1d.default": transposed_convolution,
    "aten.conv_transpose2d.input": transposed_convolution,
    "aten.batch_norm.default": batch_norm,
    "aten._native_batch_norm_legit_no_training.default": batch_norm_with_statistics,
}
