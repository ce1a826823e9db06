"""DENSIFY: the dense form of a sparse constant, which the reader has made already."""

from __future__ import annotations

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.diagnostics import unsupported_attribute
from edge.frontends.tflite.flatbuffer import damaged


def densify(call: Call) -> None:
    """The output is the input: float32, int8, or float16 that DEQUANTIZE widens."""
    data, made, given = call.known(0), call.output_tensor(), call.tensor(0)
    if data is None:
        raise unsupported_attribute("DENSIFY of a tensor computed at run time")
    if (made.shape, made.dtype) != (given.shape, given.dtype):
        declared = f"{made.dtype}{list(made.shape)}"
        raise damaged(f"{call.where} makes {declared} from {given.dtype}{list(given.shape)}")
    call.draft.unpack(made.index, given.index)
