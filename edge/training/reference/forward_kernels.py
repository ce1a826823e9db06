"""Forward operators that also tell which outputs were clamped, and layers whose weights live."""

from __future__ import annotations

import numpy as np

from edge.ir.types import Array
from edge.quantization import constants
from edge.quantization.fixed_point import Int64s
from edge.quantization.requantize import Form, Requantize
from edge.reference import int8_attention, int8_elementwise, int8_pool
from edge.reference.int8_dense import exact_product, unclamped
from edge.reference.windows import Window
from edge.training.reference.sparse import through
from edge.training.reference.step_call import StepCall, StepKernel, packed_bits


def _stored(call: StepCall, values: Int64s, low: int, high: int) -> tuple[Array, ...]:
    """int8 outputs, and the mask if the node makes one."""
    y = np.clip(values, low, high).astype(np.int8)
    if len(call.node.outputs) == 1:
        return (y,)
    return y, packed_bits((values >= low) & (values <= high))


def _requantized(call: StepCall, accumulator: Int64s, requantize: Requantize) -> tuple[Array, ...]:
    values = unclamped(accumulator, requantize)
    return _stored(call, values, requantize.minimum, requantize.maximum)


def _live_requantize(call: StepCall) -> Requantize:
    return Requantize(
        call.input(3).astype(np.int32), call.input(4).astype(np.int8), Form(call.text("form")),
        call.integer("zero_point"), call.integer("minimum"), call.integer("maximum"),
    )  # fmt: skip


def _live(call: StepCall, sums: Int64s, weight_sums: Int64s) -> tuple[Array, ...]:
    """`sums` of x * w with padding that holds the zero point; the bias is the unfolded one."""
    bias = call.input(2).astype(np.int64) - call.integer("in_zero_point") * weight_sums
    return _requantized(call, sums + bias, _live_requantize(call))


def live_conv2d(call: StepCall) -> tuple[Array, ...]:
    x, weight, groups = call.input(0), call.input(1), call.integer("groups")
    patches = Window.of(call, weight.shape[1:3]).patches(x, call.integer("in_zero_point"))
    inputs, outputs = weight.shape[3], weight.shape[0] // groups
    sums = [
        exact_product(
            patches[..., g * inputs : (g + 1) * inputs], weight[g * outputs : (g + 1) * outputs]
        )
        for g in range(groups)
    ]
    return _live(call, np.concatenate(sums, -1), weight.astype(np.int64).sum((1, 2, 3)))


def live_depthwise_conv2d(call: StepCall) -> tuple[Array, ...]:
    x, weight = call.input(0).astype(np.int32), call.input(1)
    window = Window.of(call, weight.shape[1:3])
    repeats = weight.shape[3] // x.shape[3]
    sums: Int64s = np.zeros(call.shape(), np.int64)
    for ky, kx, tap in window.taps(x, call.integer("in_zero_point")):
        sums += np.repeat(tap, repeats, axis=3) * weight[0, ky, kx].astype(np.int32)
    return _live(call, sums, weight.astype(np.int64).sum((0, 1, 2)))


def live_linear(call: StepCall) -> tuple[Array, ...]:
    weight = call.input(1)
    return _live(call, exact_product(call.input(0), weight), weight.astype(np.int64).sum(1))


def masked_sum(call: StepCall) -> tuple[Array, ...]:
    plain = call.plain()
    c = constants.add(plain.graph, plain.node)
    return _stored(call, int8_elementwise.unclamped_sum(plain), c.minimum, c.maximum)


def masked_average(call: StepCall) -> tuple[Array, ...]:
    plain = call.plain()
    requantize = constants.avg_pool(plain.graph, plain.node).requantize
    values = int8_pool.unclamped_average(plain)
    return _stored(call, values, requantize.minimum, requantize.maximum)


def join_weight(call: StepCall) -> tuple[Array, ...]:
    return (np.concatenate([call.input(0), call.input(1)], call.integer("axis")),)


KERNELS: dict[str, StepKernel] = {
    "live_conv2d": live_conv2d,
    "live_depthwise_conv2d": live_depthwise_conv2d,
    "live_linear": live_linear,
    "live_sparse_conv2d": through(live_conv2d, 1),
    "live_sparse_linear": through(live_linear, 1),
    "masked_add": masked_sum,
    "masked_sub": masked_sum,
    "masked_mul": lambda call: _requantized(call, *int8_elementwise.product(call.plain())),
    "masked_matmul": lambda call: _requantized(call, *int8_attention.products(call.plain())),
    "masked_requantize": lambda call: _requantized(call, *int8_elementwise.rescaled(call.plain())),
    "masked_mean": lambda call: _requantized(call, *int8_pool.total(call.plain())),
    "masked_avg_pool2d": masked_average,
    "join_weight": join_weight,
}
