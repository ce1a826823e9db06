"""Pooling, mean and resize."""

from __future__ import annotations

import math

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.convert.convolution import image, spatial
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import NEW, Operand, Tensor, without
from edge.ir.graph import Attr

_UNPADDED = (0, 0, 0, 0)


def _window(arguments: Arguments, x: Tensor) -> dict[str, Attr]:
    """kernel, stride and padding; torch's empty stride means the kernel."""
    kernel = spatial(arguments, "kernel_size", x.rank, 1)
    stride = spatial(arguments, "stride", x.rank, 1) if arguments["stride"] else kernel
    top, left = spatial(arguments, "padding", x.rank, 0)
    return {"kernel": kernel, "stride": stride, "padding": (top, top, left, left)}


def _pool(
    builder: Builder, arguments: Arguments, op: str, x: Tensor, attrs: dict[str, Attr]
) -> Tensor:
    result = builder.result(builder.emit(op, [x.name], attrs), x, arguments.shape)
    if builder.values[result.name].type.shape != result.stored_shape:
        raise unsupported(f"ceil_mode=True with windows that hang over the edge of {x.shape}")
    return result


def max_pool(builder: Builder, arguments: Arguments) -> Operand:
    if set(arguments.ints("dilation", 1)) != {1}:
        raise unsupported(f"dilation={arguments['dilation']}")
    x = image(builder, arguments.tensor("self"))
    return _pool(builder, arguments, "max_pool2d", x, _window(arguments, x))


def max_pool_with_indices(builder: Builder, arguments: Arguments) -> Operand:
    """The indices are unavailable: a model that uses them is refused where it does."""
    return (max_pool(builder, arguments), ())


def avg_pool(builder: Builder, arguments: Arguments) -> Operand:
    """Padding that counts becomes a pad node: the graph's average excludes padding."""
    arguments.require("divisor_override", None)
    x = image(builder, arguments.tensor("self"))
    attrs = _window(arguments, x)
    padding = attrs["padding"]
    if arguments["count_include_pad"] and isinstance(padding, tuple) and any(padding):
        around = {"padding": (0, 0, *padding, 0, 0)}
        padded = builder.emit("pad", [x.name], around, name=f"{builder.current}_padded")
        x, attrs = builder.result(padded, x), {**attrs, "padding": _UNPADDED}
    return _pool(builder, arguments, "avg_pool2d", x, attrs)


def adaptive_avg_pool(builder: Builder, arguments: Arguments) -> Operand:
    x = image(builder, arguments.tensor("self"))
    size, target = x.stored_shape[1:3], spatial(arguments, "output_size", x.rank, 1)
    if target == size:
        return x
    if target == (1, 1):
        mean = builder.emit("mean", [x.name], {"axes": (1, 2), "keepdims": True})
        return builder.result(mean, x, arguments.shape)
    if any(n % t for n, t in zip(size, target, strict=True)):
        raise unsupported(f"from {size} to {target} (only sizes that divide)")
    kernel = (size[0] // target[0], size[1] // target[1])
    attrs: dict[str, Attr] = {"kernel": kernel, "stride": kernel, "padding": _UNPADDED}
    return _pool(builder, arguments, "avg_pool2d", x, attrs)


def mean(builder: Builder, arguments: Arguments) -> Operand:
    arguments.require("dtype", None)
    x = arguments.tensor("self")
    dims = sorted({dim % x.rank for dim in arguments.get("dim") or range(x.rank)})
    keep = bool(arguments.get("keepdim", False))
    if not keep and len(dims) == x.rank:
        raise unsupported("the mean over all dimensions is a scalar; use keepdim=True")
    axes = sorted(map(x.axis, dims))
    layout = x.layout
    if not keep:
        axes += [axis for axis, dim in enumerate(layout) if dim == NEW]
        layout = without(layout, dims)
    attrs: dict[str, Attr] = {"axes": tuple(sorted(axes)), "keepdims": keep}
    return Tensor(builder.emit("mean", [x.name], attrs), arguments.shape, layout)


def _resize(builder: Builder, arguments: Arguments, attrs: dict[str, Attr]) -> Operand:
    tensor = arguments.tensor("input" if "input" in arguments else "self")
    x = image(builder, tensor)
    target = builder.result(x.name, x, arguments.shape).stored_shape[1:3]
    _require_exact_scale(arguments, x, target)
    return builder.result(
        builder.emit("resize", [x.name], {"size": target, **attrs}), x, arguments.shape
    )


def _require_exact_scale(arguments: Arguments, x: Tensor, target: tuple[int, ...]) -> None:
    """Torch samples by the factor it was given, the graph by the ratio of sizes."""
    factors = arguments.get("scale_factors") or ()
    sizes = zip(factors, x.shape[2:], arguments.shape[2:], strict=False)
    if any(not math.isclose(factor * n, m) for factor, n, m in sizes):
        raise unsupported(
            f"scale factor {list(factors)} from {x.shape[2:]} to {target}: not a whole size",
            "give interpolate() the output size instead of the factor",
        )


def nearest(builder: Builder, arguments: Arguments) -> Operand:
    return _resize(builder, arguments, {"mode": "nearest"})


def bilinear(builder: Builder, arguments: Arguments) -> Operand:
    corners = bool(arguments["align_corners"])
    return _resize(
        builder,
        arguments,
        {"mode": "bilinear", "align_corners": corners, "half_pixel_centers": not corners},
    )


CONVERTERS = {
    "aten.avg_pool1d.default": avg_pool,
    "aten.avg_pool2d.default": avg_pool,
    "aten.adaptive_avg_pool1d.default": adaptive_avg_pool,
    "aten.adaptive_avg_pool2d.default": adaptive_avg_pool,
    "aten._adaptive_avg_pool2d.default": adaptive_avg_pool,
    "aten.max_pool1d.default": max_pool,
    "aten.max_pool2d.default": max_pool,
    "aten.max_pool2d_with_indices.default": max_pool_with_indices,
    "aten.mean.dim": mean,
    "aten.mean.default": mean,
    "aten.upsample_nearest2d.vec": nearest,
    "aten.upsample_nearest2d.default": nearest,
    "aten.upsample_bilinear2d.vec": bilinear,
    "aten.upsample_bilinear2d.default": bilinear,
}
