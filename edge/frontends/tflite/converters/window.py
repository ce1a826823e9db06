"""Strides, dilations and explicit padding of operators that slide a window."""

from __future__ import annotations

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.flatbuffer import damaged
from edge.frontends.tflite.schema import SAME, VALID
from edge.ir import Value


def window(call: Call, name: str) -> tuple[int, int]:
    """The options `name`_h and `name`_w, which must be positive."""
    pair = call.integer(f"{name}_h"), call.integer(f"{name}_w")
    if min(pair) < 1:
        raise damaged(f"{call.where} has the {name} {pair}")
    return pair


def padding(
    call: Call, x: Value, kernel: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right). With SAME the odd row or column goes to the end."""
    kind = call.integer("padding")
    if kind not in (SAME, VALID):
        raise damaged(f"{call.where} has the unknown padding {kind}")
    if kind == VALID:
        return 0, 0, 0, 0
    stride, shape = window(call, "stride"), x.type.shape
    top, bottom = _same(shape[1], kernel[0], stride[0], dilation[0])
    left, right = _same(shape[2], kernel[1], stride[1], dilation[1])
    return top, bottom, left, right


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding before and after that makes the output ceil(size / stride) long."""
    span = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2
