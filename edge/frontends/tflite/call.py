"""One operator call as a converter sees it: checked operands in, IR nodes out.

A converter reads its operands through these methods, so what an operand must be is said once:
a missing operand is damage, a type that no kernel has is unsupported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.frontends.tflite.diagnostics import (
    BATCH,
    DTYPE,
    DYNAMIC,
    Unsupported,
    unsupported_attribute,
)
from edge.frontends.tflite.draft import Draft
from edge.frontends.tflite.flatbuffer import damaged
from edge.frontends.tflite.model import Operator, Tensor
from edge.frontends.tflite.schema import FUSED_ACTIVATIONS
from edge.ir import DType, Quantization, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.ops import ACTIVATIONS
from edge.ir.types import Array

_ACTIVATION_TYPES = (DType.FLOAT32, DType.INT8)
_TYPE_HELP = {
    DType.UINT8: "convert again with int8 inputs and outputs (inference_input_type=tf.int8); "
    "files of the old uint8 scheme must be quantized anew",
    DType.INT16: "convert with 8-bit activations",
}
_LONGEST_PARAMETER = 64
_SAME_SCALE = 1e-6


@dataclass(frozen=True)
class Call:
    """An operator with its place in the graph under construction."""

    operator: Operator
    draft: Draft

    @property
    def where(self) -> str:
        """The operator's place in the user's model, by index, kind and name of its output."""
        names = [self.draft.model.tensors[index].name for index in self.operator.outputs[:1]]
        label = "".join(f" {name.partition(';')[0][:80]!r}" for name in names)
        return f"operator {self.operator.index}: {self.operator.kind[:64]}{label}"

    def has(self, position: int) -> bool:
        inputs = self.operator.inputs
        return position < len(inputs) and inputs[position] >= 0

    def option(self, name: str) -> int | float | bool:
        return self.operator.options[name]

    def integer(self, name: str) -> int:
        return int(self.operator.options[name])

    def input(self, position: int) -> Value:
        return self.draft.value(self._input(position))

    def known(self, position: int) -> Array | None:
        """The data of an input that is a constant, None for one computed at run time."""
        return self.draft.known(self._input(position))

    def operand(self, position: int) -> Value:
        """An input that holds int8 (one scale) or float32 data; may be a constant."""
        return checked(self.input(position))

    def activation(self, position: int = 0) -> Value:
        """An operand that is computed at run time."""
        value = self.operand(position)
        if value.is_constant:
            raise unsupported_attribute(
                f"{self.operator.kind} of a constant", "let the converter fold constants"
            )
        return value

    def image(self, position: int = 0) -> Value:
        """An activation [1, height, width, channels]."""
        value = self.activation(position)
        if len(value.type.shape) != 4:
            raise damaged(f"{self.where} reads a tensor of shape {list(value.type.shape)}")
        if value.type.shape[0] != 1:
            raise Unsupported(
                BATCH, f"{self.operator.kind} of a batch", "convert the model with batch size 1"
            )
        return value

    def integers(self, position: int) -> tuple[int, ...]:
        """A short constant list of integers, such as a shape. Raises Unsupported if computed."""
        data = self.known(position)
        if data is None:
            raise Unsupported(
                DYNAMIC,
                f"{self.operator.kind} takes a shape or index that is computed at run time",
                "convert the model with fixed input shapes",
            )
        if data.dtype not in (np.int32, np.int64) or data.size > _LONGEST_PARAMETER:
            raise damaged(f"{self.where} takes {data.dtype}{list(data.shape)} for integers")
        return tuple(data.ravel().tolist())

    def axis(self, axis: int, rank: int) -> int:
        """A non-negative axis; the file may count from the end."""
        if not -rank <= axis < rank:
            raise damaged(f"{self.where} has axis {axis} of {rank}")
        return axis % rank

    def output(self, position: int = 0, *, like: Value | None = None) -> Value:
        """An output of int8 or float32, of the element type of `like` if that is given."""
        value = checked(self.draft.value(self._output(position)))
        if like is not None and value.type.dtype is not like.type.dtype:
            title = f"{self.operator.kind} from {like.type.dtype} to {value.type.dtype}"
            raise Unsupported(DTYPE, f"{title} is not supported")
        return value

    def moved(self, x: Value, position: int = 0) -> Value:
        """An output that holds values of x unchanged, hence in the same quantization."""
        y = self.output(position, like=x)
        if not same_quantization(x.type.quantization, y.type.quantization):
            raise unsupported_attribute(
                f"{self.operator.kind} that changes the quantization",
                "requantize with an explicit QUANTIZE operator",
            )
        return y

    def fused(self) -> str:
        """The fused activation."""
        code = self.integer("activation")
        if not 0 <= code < len(FUSED_ACTIVATIONS):
            raise damaged(f"{self.where} has the unknown fused activation {code}")
        name = FUSED_ACTIVATIONS[code]
        if name not in ACTIVATIONS:
            raise unsupported_attribute(f"{self.operator.kind} with fused {name}")
        return name

    def emit(self, op: str, inputs: tuple[Value | None, ...], output: Value, **attrs: Attr) -> None:
        """Append a node. None stands for an omitted optional input; trailing ones are dropped."""
        names = tuple(value.name if value else "" for value in inputs)
        while names and not names[-1]:
            names = names[:-1]
        self.draft.node(op, names, output.name, self.where, attrs)

    def reshaped(self, x: Value, shape: tuple[int, ...]) -> Value:
        """x in another shape; x itself if it has that shape already."""
        if x.type.shape == shape:
            return x
        kind = TensorType(shape, x.type.dtype, x.type.quantization)
        y = self.draft.new(f"{x.name}_reshaped", kind)
        self.emit("reshape", (x,), y, shape=shape)
        return y

    def output_tensor(self) -> Tensor:
        return self.draft.model.tensors[self._output(0)]

    def fold(self, data: Array) -> None:
        """Make the output a constant instead of emitting a node."""
        self.draft.model.source.spend(data.nbytes)
        tensor = self.output_tensor()
        if data.size != tensor.elements or tensor.dtype != data.dtype.name:
            raise damaged(
                f"{self.where} makes {tensor.dtype}{list(tensor.shape)}, not {data.dtype}"
            )
        self.draft.fold(tensor.index, data.reshape(tensor.shape))

    def tensor(self, position: int) -> Tensor:
        """An input as the file has it, for converters that need only its shape or type."""
        return self.draft.model.tensors[self._input(position)]

    def _input(self, position: int) -> int:
        if not self.has(position):
            raise damaged(f"{self.where} lacks input {position}")
        return self.operator.inputs[position]

    def _output(self, position: int) -> int:
        if position >= len(self.operator.outputs):
            raise damaged(f"{self.where} lacks output {position}")
        return self.operator.outputs[position]


def checked(value: Value) -> Value:
    """The value, if kernels exist for its type: float32, or int8 with one positive scale."""
    dtype, quantization = value.type.dtype, value.type.quantization
    if dtype not in _ACTIVATION_TYPES:
        help = _TYPE_HELP.get(dtype, "only float32 and int8 tensors can be computed with")
        raise Unsupported(DTYPE, f"{dtype} tensors are not supported", help)
    if dtype is DType.INT8:
        if quantization is None:
            raise Unsupported(DTYPE, "int8 tensors without quantization are not supported")
        if not quantization.is_per_tensor:
            raise Unsupported(DTYPE, "activations quantized per channel are not supported")
        if not quantization.scale[0] > 0:
            raise damaged(f"{value.name} has the scale 0")
    return value


def same_quantization(a: Quantization | None, b: Quantization | None) -> bool:
    """Equal, up to the last bits of a scale that a converter computed twice."""
    if a is None or b is None:
        return a is b
    nearly = abs(a.scale[0] - b.scale[0]) <= _SAME_SCALE * a.scale[0]
    return nearly and a.zero_point == b.zero_point
