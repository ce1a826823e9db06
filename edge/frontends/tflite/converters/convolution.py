"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED: constant weights and a bias.

Weights keep the file's layout, which is the IR's: OHWI, 1HW(C*multiplier), [out, in].
"""

from __future__ import annotations

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.converters.quantization import dequantized
from edge.frontends.tflite.converters.window import padding, window
from edge.frontends.tflite.diagnostics import (
    DTYPE,
    Unsupported,
    unsupported_attribute,
)
from edge.frontends.tflite.flatbuffer import damaged
from edge.ir import DType, Quantization, TensorType, Value


def conv_2d(call: Call) -> None:
    x, weight = call.image(), _weight(call, axis=0)
    kernel = _kernel(call, weight)
    dilation = window(call, "dilation")
    if weight.type.shape[3] > x.type.shape[3]:
        raise damaged(f"{call.where}: weights for {weight.type.shape[3]} channels")
    call.emit(
        "conv2d",
        (x, weight, _bias(call, x, weight, axis=0)),
        call.output(like=x),
        stride=window(call, "stride"),
        padding=padding(call, x, kernel, dilation),
        dilation=dilation,
        groups=x.type.shape[3] // weight.type.shape[3],
        activation=call.fused(),
    )


def depthwise_conv_2d(call: Call) -> None:
    x, weight = call.image(), _weight(call, axis=3)
    kernel = _kernel(call, weight)
    dilation = window(call, "dilation")
    call.emit(
        "depthwise_conv2d",
        (x, weight, _bias(call, x, weight, axis=3)),
        call.output(like=x),
        stride=window(call, "stride"),
        padding=padding(call, x, kernel, dilation),
        dilation=dilation,
        activation=call.fused(),
    )


def transpose_conv(call: Call) -> None:
    """The inputs are the shape of the output, weights OHWI, data and, if there is one, a bias."""
    x, weight, y = call.image(2), _weight(call, axis=0, data=2), call.output()
    kernel, stride = _kernel(call, weight), window(call, "stride")
    if len(y.type.shape) != 4 or call.integers(0) != y.type.shape:
        raise damaged(f"{call.where} makes {list(y.type.shape)}, not what it declares")
    before = padding(call, y, kernel)[0::2]
    spans = zip(x.type.shape[1:3], stride, kernel, before, y.type.shape[1:3], strict=True)
    behind = [(n - 1) * s + k - b - size for n, s, k, b, size in spans]
    after = [max(n, 0) for n in behind]
    call.emit(
        "conv_transpose2d",
        (x, weight, _bias(call, x, weight, axis=0, position=3)),
        call.output(like=x),
        stride=stride,
        padding=(before[0], after[0], before[1], after[1]),
        output_padding=(max(-behind[0], 0), max(-behind[1], 0)),
        activation=call.fused(),
    )


def fully_connected(call: Call) -> None:
    """The input is flattened to [batch, in] unless its last axis has the right size already."""
    if call.integer("weights_format"):
        raise unsupported_attribute("FULLY_CONNECTED with shuffled weights")
    x, weight, y = call.activation(), _weight(call, axis=0), call.output()
    if len(weight.type.shape) != 2:
        raise damaged(f"{call.where}: weights of shape {list(weight.type.shape)}")
    out_features, in_features = weight.type.shape
    shape = (*x.type.shape[:-1], out_features)
    if x.type.shape[-1:] != (in_features,) or y.type.shape != shape:
        if x.type.elements % in_features:
            raise damaged(f"{call.where}: {x.type.elements} inputs for {in_features} columns")
        x = call.reshaped(x, (x.type.elements // in_features, in_features))
        shape = (x.type.shape[0], out_features)
    bias = _bias(call, x, weight, axis=0)
    _linear(call, (x, weight, bias), call.output(like=x), shape)


def _linear(
    call: Call, inputs: tuple[Value, Value, Value | None], y: Value, shape: tuple[int, ...]
) -> None:
    """`linear` that makes `shape`, reshaped to y's own if that differs."""
    made = y
    if y.type.shape != shape:
        kind = TensorType(shape, y.type.dtype, y.type.quantization)
        made = call.draft.new(f"{y.name}_flat", kind)
    call.emit("linear", inputs, made, activation=call.fused())
    if made is not y:
        call.emit("reshape", (made,), y, shape=y.type.shape)


def _kernel(call: Call, weight: Value) -> tuple[int, int]:
    if len(weight.type.shape) != 4:
        raise damaged(f"{call.where}: weights of shape {list(weight.type.shape)}")
    return weight.type.shape[1], weight.type.shape[2]


def _weight(call: Call, axis: int, data: int = 0) -> Value:
    """The constant weights: int8 for int8 activations, float32 for float ones.

    `data` is the position of the activations. int8 weights of a float operator (dynamic-range
    quantization) are widened to float32.
    """
    x, weight = call.operand(data), call.input(1)
    if weight.data is None:
        raise unsupported_attribute(
            f"{call.operator.kind} with weights computed at run time",
            "only constant weights can be packed into flash",
        )
    if x.type.dtype is DType.FLOAT32 and weight.type.dtype is DType.INT8:
        return dequantized(call, weight, weight.data)
    if x.type.dtype is not weight.type.dtype:
        title = f"{call.operator.kind} of {x.type.dtype} by {weight.type.dtype} weights"
        raise Unsupported(DTYPE, f"{title} is not supported")
    if weight.type.dtype is DType.INT8:
        _check_symmetric(call, weight.type.quantization, axis)
    return weight


def _check_symmetric(call: Call, quantization: Quantization | None, axis: int) -> None:
    kind = call.operator.kind
    if quantization is None:
        raise Unsupported(DTYPE, f"{kind} with int8 weights without scales")
    if any(quantization.zero_point):
        raise unsupported_attribute(
            f"{kind} with asymmetric weights", "quantize weights symmetrically (zero point 0)"
        )
    if not quantization.is_per_tensor and quantization.axis != axis:
        raise unsupported_attribute(f"{kind} with scales along axis {quantization.axis}")


def _bias(call: Call, x: Value, weight: Value, axis: int, position: int = 2) -> Value | None:
    """The constant bias [out]: int32 in units of x scale times weight scale, or float32."""
    if not call.has(position):
        return None
    bias = call.input(position)
    expected = DType.FLOAT32 if x.type.dtype is DType.FLOAT32 else DType.INT32
    if bias.data is None or bias.type.dtype is not expected:
        raise Unsupported(DTYPE, f"{call.operator.kind} with a bias of {bias.type.dtype}")
    channels = weight.type.shape[axis]
    if bias.type.shape != (channels,):
        raise damaged(f"{call.where}: bias {list(bias.type.shape)} for {channels} channels")
    return bias
