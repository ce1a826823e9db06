"""BATCH_MATMUL: the product of two tensors, of which one may be a constant."""

from __future__ import annotations

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.diagnostics import DTYPE, Unsupported, unsupported_attribute
from edge.frontends.tflite.flatbuffer import damaged
from edge.ir import TensorType, Value


def batch_matmul(call: Call) -> None:
    """The leading axes of both operands must be equal: nothing is repeated."""
    a, b = call.operand(0), call.operand(1)
    if a.is_constant and b.is_constant:
        raise unsupported_attribute("BATCH_MATMUL of constants", "let the converter fold constants")
    if a.type.dtype is not b.type.dtype:
        raise Unsupported(DTYPE, f"BATCH_MATMUL of {a.type.dtype} and {b.type.dtype}")
    if min(len(a.type.shape), len(b.type.shape)) < 2:
        raise damaged(f"{call.where} multiplies {list(a.type.shape)} by {list(b.type.shape)}")
    if a.type.shape[:-2] != b.type.shape[:-2]:
        raise unsupported_attribute(
            f"BATCH_MATMUL of {list(a.type.shape)} and {list(b.type.shape)}",
            "give both operands the same leading axes",
        )
    if call.option("adj_x"):
        a = _transposed(call, a)
    call.emit("matmul", (a, b), call.output(like=a), transpose_b=bool(call.option("adj_y")))


def _transposed(call: Call, x: Value) -> Value:
    """x with its last two axes swapped."""
    rank = len(x.type.shape)
    permutation = (*range(rank - 2), rank - 1, rank - 2)
    shape = tuple(x.type.shape[axis] for axis in permutation)
    kind = TensorType(shape, x.type.dtype, x.type.quantization)
    y = call.draft.new(f"{x.name}_adjoint", kind)
    call.emit("transpose", (x,), y, permutation=permutation)
    return y
