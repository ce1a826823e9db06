"""Definition A: float32 gradients. Every sum is added in a stated order, products are rounded.

Order: kernel rows, kernel columns, then output channels for the gradient of an input; positions
for the gradient of a parameter. No fused multiply-add.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.layer_norm import normalized as normalized_values
from edge.reference.windows import Window
from edge.training.reference import int8_gradients
from edge.training.reference.int8_gradients import collapsed_axes, winners
from edge.training.reference.sparse import through
from edge.training.reference.step_call import (
    StepCall,
    StepKernel,
    canvas_for,
    scatter_taps,
    unpacked_bits,
    without_padding,
)

Floats = npt.NDArray[np.float32]


def cross_entropy_gradient(call: StepCall) -> tuple[Array, ...]:
    logits, table = call.input(0).reshape(-1).astype(np.int16), call.input(2)
    exponentials = table[logits.max() - logits]
    total = np.add.accumulate(exponentials, dtype=np.float32)[-1]
    values = exponentials / total
    values[int(call.input(1)[0])] -= np.float32(1)
    return (values.reshape(call.shape()),)


def squared_error_gradient(call: StepCall) -> tuple[Array, ...]:
    return ((call.input(0).astype(np.int16) - call.input(1)).astype(np.float32),)


def clip_gradient(call: StepCall) -> tuple[Array, ...]:
    values, mask, factors = call.input(0), call.optional(2), call.optional(3)
    if factors is not None:
        values = values * factors
    if mask is not None:
        inside = unpacked_bits(mask, values.size).reshape(values.shape)
        values = np.where(inside, values, np.float32(0))
    return (values,)


def add_gradient(call: StepCall) -> tuple[Array, ...]:
    a = call.input(0) * np.float32(call.number("multiplier"))
    return (a + call.input(2) * np.float32(call.number("other_multiplier")),)


def conv2d_input_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, groups = call.input(0), int(call.number("groups"))
    weight: Floats = call.input(2).astype(np.float32)
    window = Window.of(call, weight.shape[1:3])
    canvas = canvas_for(window, call.shape(), np.float32)
    outputs, inputs = weight.shape[0] // groups, weight.shape[3]
    for ky, kx, reached in scatter_taps(window, canvas, gradient.shape[1:3]):
        for channel, filters in enumerate(weight):
            g = channel // outputs
            part = gradient[..., channel, None] * filters[ky, kx]
            reached[..., g * inputs : (g + 1) * inputs] += part
    return (np.ascontiguousarray(without_padding(window, canvas, call.shape())),)


def depthwise_conv2d_input_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, channels = call.input(0), call.shape()[3]
    weight: Floats = call.input(2).astype(np.float32)
    window, repeats = Window.of(call, weight.shape[1:3]), weight.shape[3] // channels
    canvas = canvas_for(window, call.shape(), np.float32)
    for ky, kx, reached in scatter_taps(window, canvas, gradient.shape[1:3]):
        part = gradient * weight[0, ky, kx]
        for repeat in range(repeats):
            reached += part[..., repeat::repeats]
    return (np.ascontiguousarray(without_padding(window, canvas, call.shape())),)


def linear_input_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, total = call.input(0), np.zeros(call.shape(), np.float32)
    for channel, row in enumerate(call.input(2).astype(np.float32)):
        total += gradient[..., channel, None] * row
    return (total,)


def avg_pool2d_gradient(call: StepCall) -> tuple[Array, ...]:
    gradient, shares, shape = call.input(0), call.input(1), call.shape()
    window = Window.of(call, call.ints("kernel"))
    inside = np.ones((1, *shape[1:3], 1), np.int64)
    counts = sum((tap for _, _, tap in window.taps(inside, 0)), start=np.int64(0))
    values = gradient * shares[counts - 1 if len(shares) > 1 else np.zeros_like(counts)]
    canvas = canvas_for(window, shape, np.float32)
    for _, _, reached in scatter_taps(window, canvas, gradient.shape[1:3]):
        reached += values
    return (np.ascontiguousarray(without_padding(window, canvas, shape)),)


def max_pool2d_gradient(call: StepCall) -> tuple[Array, ...]:
    window = Window.of(call, call.ints("kernel"))
    chosen = winners(call, window, call.input(1))
    canvas = canvas_for(window, call.shape(), np.float32)
    # From the last tap to the first an input position meets its windows in reading order.
    for ky, kx, reached in reversed([*scatter_taps(window, canvas, chosen.shape[1:3])]):
        here = chosen == ky * window.kernel[1] + kx
        reached += np.where(here, call.input(0), np.float32(0))
    return (np.ascontiguousarray(without_padding(window, canvas, call.shape())),)


def lookup_gradient(call: StepCall) -> tuple[Array, ...]:
    return (call.input(0) * call.input(3)[call.input(2).astype(np.int16) + 128],)


def _summed(call: StepCall, values: Floats) -> Floats:
    """Over the repeated axes, outermost position first."""
    axes = collapsed_axes(values.shape, call.shape())
    kept = [axis for axis in range(values.ndim) if axis not in axes]
    flat = values.transpose(*axes, *kept).reshape(-1, int(np.prod(call.shape())))
    total: Floats = np.add.accumulate(flat, axis=0, dtype=np.float32)[-1]
    return total.reshape(call.shape())


def sum_gradient(call: StepCall) -> tuple[Array, ...]:
    return (_summed(call, call.input(0)),)


def mul_gradient(call: StepCall) -> tuple[Array, ...]:
    other = call.input(2).astype(np.float32) - np.float32(call.number("zero_point"))
    return (_summed(call, call.input(0) * other),)


def layer_norm_gradient(call: StepCall) -> tuple[Array, ...]:
    """Sums over a vector take its channels in order."""
    constants = int8_gradients.norm_constants(call)
    x, n = call.input(2).astype(np.int64), constants.channels
    inside = int8_gradients.norm_inside(normalized_values(x, constants), constants)
    root = np.sqrt(int8_gradients.norm_spread(x, constants).astype(np.float32))
    h = (n * x - x.sum(-1, keepdims=True)).astype(np.float32) / root
    p = np.where(inside, call.input(0) * call.input(5), np.float32(0))
    centred = np.float32(n) * p - _along_channels(p)
    return ((centred - h * _along_channels(p * h)) / root,)


def _along_channels(values: Floats) -> Floats:
    total: Floats = np.add.accumulate(values, axis=-1, dtype=np.float32)[..., -1:]
    return total


def top_gradient(call: StepCall) -> tuple[Array, ...]:
    """Magnitudes of a channel are summed position by position."""
    magnitudes = np.abs(call.input(0)).reshape(-1, call.shape()[-1])
    sums = np.add.accumulate(magnitudes, axis=0, dtype=np.float32)[-1]
    return (int8_gradients.largest_channels(call, sums),)


KERNELS: dict[str, StepKernel] = {
    "cross_entropy_gradient": cross_entropy_gradient,
    "squared_error_gradient": squared_error_gradient,
    "clip_gradient": clip_gradient,
    "add_gradient": add_gradient,
    "conv2d_input_gradient": conv2d_input_gradient,
    "depthwise_conv2d_input_gradient": depthwise_conv2d_input_gradient,
    "linear_input_gradient": linear_input_gradient,
    "sparse_conv2d_input_gradient": through(conv2d_input_gradient, 2),
    "sparse_linear_input_gradient": through(linear_input_gradient, 2),
    "top_gradient": top_gradient,
    "mean_gradient": int8_gradients.mean_gradient,
    "avg_pool2d_gradient": avg_pool2d_gradient,
    "max_pool2d_gradient": max_pool2d_gradient,
    "slice_gradient": int8_gradients.slice_gradient,
    "lookup_gradient": lookup_gradient,
    "layer_norm_gradient": layer_norm_gradient,
    "sum_gradient": sum_gradient,
    "mul_gradient": mul_gradient,
}
