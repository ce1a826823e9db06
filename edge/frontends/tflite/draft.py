"""The graph under construction: tensors of the file become named, typed values on first use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from edge.frontends.tflite.diagnostics import (
    DTYPE,
    DYNAMIC,
    Unsupported,
)
from edge.frontends.tflite.flatbuffer import damaged
from edge.frontends.tflite.model import Affine, Model, Tensor
from edge.frontends.tflite.variables import Variables
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.types import Array

_LONGEST_NAME = 64
_DTYPES: Mapping[str, DType] = {dtype.value: dtype for dtype in DType}
_QUANTIZED = (DType.INT8, DType.UINT8, DType.INT16, DType.INT32)


class Draft:
    """Nodes and values made so far. Tensors are known by their index in the file."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._nodes: list[Node] = []
        self._values: dict[int, Value] = {}
        self._made: dict[str, Value] = {}
        self._names: dict[str, int] = {}
        self._unpacked: dict[int, Tensor] = {}
        self.variables = Variables()

    def value(self, index: int) -> Value:
        """The value of a tensor. Raises Unsupported for element types the IR does not have."""
        if index not in self._values:
            tensor = self._tensor(index)
            data = None if tensor.data is None else constant_data(tensor)
            self._set(tensor, tensor_type(tensor), data)
        return self._values[index]

    def fold(self, index: int, data: Array) -> None:
        """Make the tensor a constant: its operator was computed at import."""
        kind = TensorType(data.shape, DType(data.dtype.name))
        self._set(self.model.tensors[index], kind, data)

    def rename(self, index: int, value: Value) -> None:
        """Let the tensor stand for a value that exists."""
        self._values[index] = value

    def _set(self, tensor: Tensor, kind: TensorType, data: Array | None) -> None:
        if data is not None and kind.dtype is DType.FLOAT32 and not np.isfinite(data).all():
            raise damaged(f"constant tensor {tensor.index} holds NaN or infinity")
        self._values[tensor.index] = Value(self._unique(tensor.name), kind, data)

    def known(self, index: int) -> Array | None:
        """The data of a tensor if it is a constant of the file or was folded."""
        if index in self._values:
            return self._values[index].data
        tensor = self._tensor(index)
        if tensor.data is None and tensor.elements:
            return None
        return constant_data(tensor)

    def unpack(self, index: int, stored: int) -> None:
        """Make the tensor the constant that another tensor of its type and shape holds.

        It keeps its own quantization, if it has one.
        """
        made, given = self.model.tensors[index], self._tensor(stored)
        affine = made.affine or given.affine
        self._unpacked[index] = replace(made, data=given.data, affine=affine)

    def _tensor(self, index: int) -> Tensor:
        return self._unpacked.get(index) or self.model.tensors[index]

    def new(self, stem: str, kind: TensorType, data: Array | None = None) -> Value:
        """A value that the file does not have."""
        value = Value(self._unique(stem), kind, data)
        self._made[value.name] = value
        return value

    def node(
        self, op: str, inputs: tuple[str, ...], output: str, where: str, attrs: Mapping[str, Attr]
    ) -> None:
        name = f"{op}_{len(self._nodes)}"
        self._nodes.append(Node(name, op, inputs, (output,), attrs, where))

    def graph(self, name: str, rounding: Rounding) -> Graph:
        inputs = tuple(self.value(index).name for index in self.model.inputs)
        outputs = tuple(self.value(index).name for index in self.model.outputs)
        values = {value.name: value for value in self._values.values()} | self._made
        values |= self._never_assigned()
        states = self.variables.states()
        graph = Graph(identifier(name), inputs, outputs, (), values, rounding, states)
        return graph.with_nodes(self._nodes)

    def _never_assigned(self) -> dict[str, Value]:
        """Variables that are only read are constants."""
        variables = self.variables
        return {
            value.name: replace(value, data=variables.initial[name])
            for name, value in variables.read.items()
            if variables.current[name] is value
        }

    def _unique(self, name: str) -> str:
        stem = identifier(name)
        while stem in self._names:
            self._names[stem] += 1
            stem = f"{stem}_{self._names[stem]}"
        self._names[stem] = 0
        return stem


def identifier(text: str) -> str:
    """A C identifier that resembles `text`; the first of several names that ";" joins."""
    stem = re.sub(r"[^0-9A-Za-z]+", "_", text.partition(";")[0]).strip("_")[:_LONGEST_NAME]
    return stem if stem and not stem[0].isdigit() else f"t_{stem}".rstrip("_")


def element_type(tensor: Tensor) -> DType:
    if tensor.dtype not in _DTYPES:
        raise Unsupported(DTYPE, f"element type {tensor.dtype} is not supported")
    return _DTYPES[tensor.dtype]


def tensor_type(tensor: Tensor) -> TensorType:
    """The IR's type of a tensor: shape, element type, quantization."""
    dtype = element_type(tensor)
    if min(tensor.shape, default=1) < 0:
        raise Unsupported(
            DYNAMIC, "a tensor has a dynamic shape", "convert the model with fixed input shapes"
        )
    if not tensor.elements:
        raise damaged(f"tensor {tensor.index} has the shape {list(tensor.shape)}")
    quantized = tensor.affine is not None and dtype in _QUANTIZED
    return TensorType(tensor.shape, dtype, quantization(tensor) if quantized else None)


def quantization(tensor: Tensor) -> Quantization | None:
    """The quantization of a tensor, None if it has none.

    One scale stands for the whole tensor whatever axis is stored, and a vector has only one axis:
    some converters store axis 3 for a bias.
    """
    affine = tensor.affine
    if affine is None:
        return None
    axis = 0 if len(tensor.shape) == 1 else affine.axis
    problem = next(_problems(tensor, affine, axis), None)
    if problem:
        raise damaged(f"tensor {tensor.index}: {problem}")
    scale = tuple(map(float, affine.scale.tolist()))
    zero_point = tuple(affine.zero_point.tolist())
    if len(zero_point) < len(scale):
        zero_point *= len(scale)
    return Quantization(scale, zero_point, axis if len(scale) > 1 else None)


def _problems(tensor: Tensor, affine: Affine, axis: int) -> Iterator[str]:
    scales, zero_points = affine.scale.size, affine.zero_point.size
    if zero_points not in (1, scales):
        yield f"{scales} scales but {zero_points} zero points"
    if scales > 1 and not (0 <= axis < len(tensor.shape) and tensor.shape[axis] == scales):
        yield f"{scales} scales along axis {axis} of {list(tensor.shape)}"
    if not (np.isfinite(affine.scale).all() and (affine.scale >= 0).all()):
        yield "a scale is negative or not finite"
    if tensor.dtype in ("int8", "uint8", "int16"):
        limits = np.iinfo(tensor.dtype)
        if affine.zero_point.min() < limits.min or affine.zero_point.max() > limits.max:
            yield f"a zero point is no {tensor.dtype}"


def constant_data(tensor: Tensor) -> Array:
    """The data of a constant, read-only, in the tensor's shape."""
    if tensor.is_sparse:
        raise Unsupported(DTYPE, f"sparse {tensor.dtype} tensors are not supported")
    dtype = _stored_type(tensor)
    data = np.zeros(0, np.uint8) if tensor.data is None else tensor.data
    if min(tensor.shape, default=1) < 0 or data.size != tensor.elements * dtype.itemsize:
        declared = f"{tensor.dtype}{list(tensor.shape)}"
        raise damaged(f"constant tensor {tensor.index}, {declared}, holds {data.size} bytes")
    return data.view(dtype).reshape(tensor.shape).astype(dtype.newbyteorder("="), copy=False)


def _stored_type(tensor: Tensor) -> np.dtype[np.generic]:
    if tensor.dtype == "float16":
        return np.dtype("<f2")
    return element_type(tensor).numpy.newbyteorder("<")
