"""Shape rules: input shapes and attributes in, output shapes out, or ValueError with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from edge.ir.graph import Attr

Shape = tuple[int, ...]
Shapes = list[Shape]
Attrs = Mapping[str, Attr]


def count(shape: Shape) -> int:
    return math.prod(shape)


def ints(attrs: Attrs, name: str) -> tuple[int, ...]:
    return cast("tuple[int, ...]", attrs[name])


def same(inputs: Shapes, attrs: Attrs) -> Shapes:
    return [inputs[0]]


same_as_first = same


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def window(size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1) -> int:
    """Output extent of a sliding window along one axis."""
    span = (kernel - 1) * dilation + 1
    _require(min(kernel, stride, dilation) >= 1, "kernel, stride and dilation must be at least 1")
    _require(min(before, after) >= 0, f"padding ({before}, {after}) is negative")
    _require(
        size + before + after >= span, f"window of {span} does not fit into {size} plus padding"
    )
    return (size + before + after - span) // stride + 1


def _window2d(x: Shape, kernel: Shape, attrs: Attrs) -> tuple[int, int]:
    _require(len(x) == 4, f"expected an NHWC tensor, got shape {x}")
    stride, dilation = ints(attrs, "stride"), cast("tuple[int, ...]", attrs.get("dilation", (1, 1)))
    top, bottom, left, right = ints(attrs, "padding")
    return (
        window(x[1], kernel[0], stride[0], top, bottom, dilation[0]),
        window(x[2], kernel[1], stride[1], left, right, dilation[1]),
    )


def _bias(inputs: Shapes, channels: int) -> None:
    _require(len(inputs) < 3 or inputs[2] == (channels,), f"bias must have shape ({channels},)")


def conv2d(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, weight = inputs[:2]
    groups = cast(int, attrs["groups"])
    _require(len(weight) == 4, f"weight must be OHWI, got shape {weight}")
    height, width = _window2d(x, weight[1:3], attrs)
    _require(groups >= 1 and weight[0] % groups == 0, f"{weight[0]} channels in {groups} groups")
    _require(
        weight[3] * groups == x[3], f"weight takes {weight[3] * groups} channels, input has {x[3]}"
    )
    _bias(inputs, weight[0])
    return [(x[0], height, width, weight[0])]


def depthwise_conv2d(inputs: Shapes, attrs: Attrs) -> Shapes:
    """Weight is [1, kernel_h, kernel_w, channels * multiplier], output channel c*multiplier + m."""
    x, weight = inputs[:2]
    _require(len(weight) == 4 and weight[0] == 1, f"weight must be 1HWC, got shape {weight}")
    height, width = _window2d(x, weight[1:3], attrs)
    _require(x[3] > 0 and weight[3] % x[3] == 0, f"{weight[3]} filters for {x[3]} channels")
    _bias(inputs, weight[3])
    return [(x[0], height, width, weight[3])]


def conv_transpose2d(inputs: Shapes, attrs: Attrs) -> Shapes:
    """Input position (y, x) adds weight OHWI to the outputs from (y, x) * stride - padding on.

    `padding` (top, bottom, left, right) cuts the result; `output_padding` (rows, columns) adds
    positions at the end that no or few inputs reach.
    """
    x, weight = inputs[:2]
    _require(len(x) == 4, f"expected an NHWC tensor, got shape {x}")
    _require(len(weight) == 4, f"weight must be OHWI, got shape {weight}")
    _require(weight[3] == x[3], f"weight takes {weight[3]} channels, input has {x[3]}")
    _bias(inputs, weight[0])
    stride, extra, padding = (ints(attrs, n) for n in ("stride", "output_padding", "padding"))
    _require(
        min(stride) >= 1 and min(padding) >= 0 and min(extra) >= 0, "negative window attribute"
    )
    size = [
        (n - 1) * s + k + e - before - after
        for n, s, k, e, before, after in zip(
            x[1:3], stride, weight[1:3], extra, padding[0::2], padding[1::2], strict=True
        )
    ]
    _require(min(size) >= 1, f"padding {padding} leaves nothing of the output")
    return [(x[0], *size, weight[0])]


def matmul(inputs: Shapes, attrs: Attrs) -> Shapes:
    """[..., m, k] by [..., k, n], or by [..., n, k] if `transpose_b`; leading axes are equal."""
    a, b = inputs
    _require(len(a) == len(b) >= 2 and a[:-2] == b[:-2], f"cannot multiply {a} by {b}")
    k, n = (b[-1], b[-2]) if attrs["transpose_b"] else (b[-2], b[-1])
    _require(a[-1] == k, f"cannot multiply {a} by {b}: {a[-1]} columns for {k} rows")
    return [(*a[:-1], n)]


def layer_norm(inputs: Shapes, attrs: Attrs) -> Shapes:
    """Over the last axis, with a weight and a bias for each of its indices."""
    x, weight, bias = inputs
    _require(
        len(x) >= 1 and weight == bias == x[-1:], f"weight {weight} and bias {bias} for shape {x}"
    )
    return [x]


def linear(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, weight = inputs[:2]
    _require(len(weight) == 2, f"weight must be [out, in], got shape {weight}")
    _require(len(x) >= 1 and x[-1] == weight[1], f"weight takes {weight[1]} features, input is {x}")
    _bias(inputs, weight[0])
    return [(*x[:-1], weight[0])]


def pool2d(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, kernel = inputs[0], ints(attrs, "kernel")
    height, width = _window2d(x, kernel, attrs)
    return [(x[0], height, width, x[3])]


def reduce(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, axes = inputs[0], ints(attrs, "axes")
    _require(all(0 <= axis < len(x) for axis in axes), f"axes {axes} of shape {x}")
    if attrs["keepdims"]:
        return [tuple(1 if i in axes else n for i, n in enumerate(x))]
    return [tuple(n for i, n in enumerate(x) if i not in axes)]


def broadcast(inputs: Shapes, attrs: Attrs) -> Shapes:
    a, b = inputs
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    _require(
        all(m == n or 1 in (m, n) for m, n in zip(a, b, strict=True)),
        f"{a} and {b} do not broadcast",
    )
    return [tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))]


def concat(inputs: Shapes, attrs: Attrs) -> Shapes:
    axis, first = cast(int, attrs["axis"]), inputs[0]
    _require(0 <= axis < len(first), f"axis {axis} of shape {first}")
    rest = first[:axis] + first[axis + 1 :]
    for shape in inputs:
        _require(
            len(shape) == len(first) and shape[:axis] + shape[axis + 1 :] == rest,
            f"cannot concatenate {shape} to {first} along {axis}",
        )
    return [(*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :])]


def gru(inputs: Shapes, attrs: Attrs) -> Shapes:
    """[1, steps, units] from [1, steps, features]; three gates."""
    return [(*inputs[0][:2], _recurrent(inputs, 3))]


def lstm(inputs: Shapes, attrs: Attrs) -> Shapes:
    """[1, steps, 2 * units] from [1, steps, features]; four gates."""
    return [(*inputs[0][:2], 2 * _recurrent(inputs, 4))]


def hidden(inputs: Shapes, attrs: Attrs) -> Shapes:
    """The first half of the last axis."""
    x = inputs[0]
    _require(len(x) >= 1 and x[-1] % 2 == 0, f"{x} holds no hidden and cell values")
    return [(*x[:-1], x[-1] // 2)]


def _recurrent(inputs: Shapes, gates: int) -> int:
    """The number of units, which the weights tell."""
    x, input_weight, hidden_weight, *biases = inputs
    _require(len(x) == 3, f"expected [1, steps, features], got shape {x}")
    _require(len(input_weight) == len(hidden_weight) == 2, "weights must be [gates * units, in]")
    units = hidden_weight[1]
    _require(input_weight == (gates * units, x[2]), f"{input_weight} weights for an input {x}")
    _require(hidden_weight == (gates * units, units), f"{hidden_weight} weights of hidden values")
    for bias in biases[:2]:
        _require(bias == (gates * units,), f"bias must have shape ({gates * units},)")
    for initial in biases[2:]:
        _require(initial == (x[0], 1, units), f"{initial} is no initial state of {units} units")
    return units


def reshape(inputs: Shapes, attrs: Attrs) -> Shapes:
    shape = ints(attrs, "shape")
    _require(count(shape) == count(inputs[0]), f"cannot reshape {inputs[0]} to {shape}")
    return [shape]


def pad(inputs: Shapes, attrs: Attrs) -> Shapes:
    """`padding` lists (before, after) for each axis, flattened."""
    x, padding = inputs[0], ints(attrs, "padding")
    _require(len(padding) == 2 * len(x) and min(padding) >= 0, f"padding {padding} for shape {x}")
    return [tuple(n + padding[2 * i] + padding[2 * i + 1] for i, n in enumerate(x))]


def resize(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, size = inputs[0], ints(attrs, "size")
    _require(len(x) == 4 and len(size) == 2 and min(size) >= 1, f"cannot resize {x} to {size}")
    return [(x[0], *size, x[3])]


def transpose(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, permutation = inputs[0], ints(attrs, "permutation")
    _require(sorted(permutation) == list(range(len(x))), f"permutation {permutation} for shape {x}")
    return [tuple(x[i] for i in permutation)]


def strided_slice(inputs: Shapes, attrs: Attrs) -> Shapes:
    """Element i of an axis is begin + i * stride while before `end`; strides are positive."""
    x = inputs[0]
    begin, end, strides = ints(attrs, "begin"), ints(attrs, "end"), ints(attrs, "strides")
    _require(len(begin) == len(end) == len(strides) == len(x), f"slice of rank {len(begin)} of {x}")
    for n, b, e, s in zip(x, begin, end, strides, strict=True):
        _require(0 <= b < e <= n and s >= 1, f"slice {b}:{e}:{s} of an axis of {n}")
    return [tuple(-(-(e - b) // s) for b, e, s in zip(begin, end, strides, strict=True))]


def embedding(inputs: Shapes, attrs: Attrs) -> Shapes:
    """[1, width] from one token [1], the last one [1] and a table [tokens, width]."""
    token, last, table = inputs
    _require(token == last == (1,) and len(table) == 2, f"token {token}, {last} of table {table}")
    return [(1, table[1])]


def rms_norm(inputs: Shapes, attrs: Attrs) -> Shapes:
    x, weight = inputs
    _require(len(x) == 2 and weight == x[-1:], f"weight {weight} for shape {x}")
    return [x]


def rotary(inputs: Shapes, attrs: Attrs) -> Shapes:
    """Each head of the last axis is as long as the pairs of the tables say."""
    x, position, fine, coarse = inputs
    _require(position == (1,), f"position {position} is not one number")
    _require(
        len(fine) == len(coarse) == 3 and fine[1:] == coarse[1:] and fine[2] == 2,
        f"angles {fine} and {coarse} are not [rows, pairs, 2]",
    )
    _require(x[-1] % (2 * fine[1]) == 0, f"{x} has no whole heads of {2 * fine[1]}")
    return [x]


def append(inputs: Shapes, attrs: Attrs) -> Shapes:
    ring, x, position = inputs
    _require(position == (1,), f"position {position} is not one number")
    _require(len(ring) == 3 and ring[0] == 1 and x == (1, ring[2]), f"{x} into a ring {ring}")
    _require(
        not attrs["pairs"] or ring[1] % 2 == ring[2] % 2 == 0, f"a ring {ring} has no pairs of rows"
    )
    return [ring]


def ring_attention(inputs: Shapes, attrs: Attrs) -> Shapes:
    """Queries [1, heads * size] over rings [1, window, groups * size]."""
    q, keys, values, position = inputs
    heads, groups = cast(int, attrs["heads"]), cast(int, attrs["groups"])
    _require(position == (1,), f"position {position} is not one number")
    _require(len(keys) == 3 and keys == values, f"keys {keys} and values {values}")
    _require(heads % groups == 0 and q[-1] % heads == 0, f"{q} in {heads} heads, {groups} groups")
    _require(keys[2] == q[-1] // heads * groups, f"queries {q} for keys {keys}")
    return [q]


def residual(inputs: Shapes, attrs: Attrs) -> Shapes:
    a, b = inputs
    _require(a == b, f"cannot add {b} to {a}")
    return [a]


def argmax(inputs: Shapes, attrs: Attrs) -> Shapes:
    x = inputs[0]
    _require(len(x) == 2 and x[0] == 1, f"expected one vector, got shape {x}")
    return [(1,)]
