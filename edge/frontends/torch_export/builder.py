"""Collects the nodes and values of the graph under construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import NEW, Constant, Layout, Tensor
from edge.ir import OPS, DType, Node, Quantization, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.types import Array

REAL: tuple[DType, Quantization | None] = (DType.FLOAT32, None)
NO_ATTRS: Mapping[str, Attr] = {}


@dataclass
class Builder:
    """Emits nodes in order. `current` names the torch node being converted, `where` its source."""

    current: str = ""
    where: str = ""
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    moved: dict[tuple[str, Layout], Tensor] = field(default_factory=dict)

    def fresh(self, stem: str) -> str:
        name, count = stem, 0
        while name in self.values:
            count += 1
            name = f"{stem}_{count}"
        return name

    def declare(self, name: str, shape: tuple[int, ...], dtype: DType = DType.FLOAT32) -> str:
        self.values[name] = Value(name, TensorType(shape, dtype))
        return name

    def emit(
        self,
        op: str,
        inputs: Iterable[str],
        attrs: Mapping[str, Attr] = NO_ATTRS,
        *,
        name: str = "",
        element: tuple[DType, Quantization | None] | None = None,
    ) -> str:
        """Add a node and return the name of its output, by default that of the torch node.

        `element` is the output's element type and quantization, by default the first input's.
        """
        inputs = tuple(inputs)
        shapes = [self.values[i].type.shape for i in inputs if i]
        try:
            (shape,) = OPS[op].infer(shapes, {**OPS[op].attrs, **attrs})
        except ValueError as error:
            raise unsupported(str(error)) from error
        name = self.fresh(name or self.current)
        first = self.values[inputs[0]].type
        dtype, quantization = element or (first.dtype, first.quantization)
        self.values[name] = Value(name, TensorType(shape, dtype, quantization))
        self.nodes.append(Node(name, op, inputs, (name,), dict(attrs), self.where))
        return name

    def is_unary(self, name: str, function: str) -> bool:
        """Whether a value was made by that function of one value."""
        made = (node for node in self.nodes if node.output == name and node.op == "unary")
        return any(node.attrs["function"] == function for node in made)

    def store(self, name: str, array: Array, quantization: Quantization | None = None) -> str:
        """Add a constant; one that exists already with the same content is used again."""
        array = np.ascontiguousarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        tensor = TensorType(array.shape, DType(array.dtype.name), quantization)
        held = self.values.get(name)
        same = held is not None and held.type == tensor and np.array_equal(_data(held), array)
        name = name if same else self.fresh(name)
        self.values[name] = Value(name, tensor, array)
        return name

    def weight(self, constant: Constant) -> str:
        """A constant's real value: the constant, or its stored integers and a dequantize node."""
        stored = self.store(constant.name, constant.array, constant.quantization)
        if constant.quantization is None:
            return stored
        return self.emit("dequantize", [stored], name=f"{stored}_real", element=REAL)

    def result(self, name: str, like: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
        """The tensor stored as `name` in the layout of another."""
        return Tensor(name, like.shape if shape is None else shape, like.layout)

    def to_layout(self, tensor: Tensor, layout: Layout) -> Tensor:
        """The same tensor in another layout; made once for all who ask."""
        if tensor.layout == layout:
            return tensor
        key = (tensor.name, _order_key(tensor, layout))
        if key not in self.moved:
            self.moved[key] = self._move(tensor, layout)
        return self.moved[key]

    def _move(self, tensor: Tensor, layout: Layout) -> Tensor:
        target = Tensor(tensor.name, tensor.shape, layout)
        name = tensor.name
        if _moving_order(tensor.layout, tensor.shape) != _moving_order(layout, tensor.shape):
            source = tuple(dim for dim in tensor.layout if dim != NEW)
            order = tuple(dim for dim in layout if dim != NEW)
            name = self.reshape(name, tuple(tensor.shape[dim] for dim in source))
            permutation = tuple(source.index(dim) for dim in order)
            name = self.emit(
                "transpose", [name], {"permutation": permutation}, name=f"{name}_transposed"
            )
        return Tensor(self.reshape(name, target.stored_shape), tensor.shape, layout)

    def reshape(self, name: str, shape: tuple[int, ...], result: str = "") -> str:
        """`name` in another stored shape, called `result`; no node if it has that shape."""
        if self.values[name].type.shape == shape:
            return name
        return self.emit("reshape", [name], {"shape": shape}, name=result or f"{name}_reshaped")


def _data(value: Value) -> Array:
    return np.asarray(value.data)


def _moving_order(layout: Layout, shape: tuple[int, ...]) -> list[int]:
    """The dimensions whose order matters: axes of size 1 can go anywhere without moving data."""
    return [dim for dim in layout if dim != NEW and shape[dim] > 1]


def _order_key(tensor: Tensor, layout: Layout) -> Layout:
    """Two tensors can share a value yet differ in labels; the pair of layouts tells them apart."""
    return (*tensor.layout, -2, *layout)
