"""Pooling, MEAN and the RESIZE operators: images in, images of another size out."""

from __future__ import annotations

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.converters.window import padding, window
from edge.frontends.tflite.diagnostics import unsupported_attribute
from edge.frontends.tflite.flatbuffer import damaged


def average_pool_2d(call: Call) -> None:
    _pool(call, "avg_pool2d")


def max_pool_2d(call: Call) -> None:
    _pool(call, "max_pool2d")


def _pool(call: Call, op: str) -> None:
    x, kernel = call.image(), window(call, "kernel")
    call.emit(
        op,
        (x,),
        call.moved(x),
        kernel=kernel,
        stride=window(call, "stride"),
        padding=padding(call, x, kernel),
        activation=call.fused(),
    )


def mean(call: Call) -> None:
    x = call.activation()
    rank = len(x.type.shape)
    axes = tuple(sorted({call.axis(axis, rank) for axis in call.integers(1)}))
    if not axes:
        raise unsupported_attribute("MEAN over no axes")
    keepdims = bool(call.option("keepdims"))
    call.emit("mean", (x,), call.output(like=x), axes=axes, keepdims=keepdims)


def resize_bilinear(call: Call) -> None:
    _resize(call, "bilinear")


def resize_nearest_neighbor(call: Call) -> None:
    _resize(call, "nearest")


def _resize(call: Call, mode: str) -> None:
    x, size = call.image(), call.integers(1)
    align_corners = bool(call.option("align_corners"))
    half_pixel_centers = bool(call.option("half_pixel_centers"))
    if align_corners and half_pixel_centers:
        raise damaged(f"{call.where} both aligns corners and centers pixels")
    call.emit(
        "resize",
        (x,),
        call.moved(x),
        size=size,
        mode=mode,
        align_corners=align_corners,
        half_pixel_centers=half_pixel_centers,
    )
