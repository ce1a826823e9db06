"""Writes small .tflite files for tests, through the schema classes of ai-edge-litert.

The schema is the format's own, so a reader tested on these files is not tested against itself.
Tensors are referred to by name, operators and options by their names in the schema:

    build_model(
        [Tensor("x", (1, 8), scale=0.5), Tensor("y", (1, 8), scale=0.5)],
        [Operator("RELU", ("x",), ("y",))],
        ("x",),
        ("y",),
    )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

schema: Any = pytest.importorskip(
    "ai_edge_litert.schema_py_generated", reason="pip install ai-edge-litert (schema classes)"
)
flatbuffers: Any = pytest.importorskip("flatbuffers", reason="pip install flatbuffers")

# Operators whose option table is not named after them in camel case.
_OPTION_TABLES = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "PADV2": "PadV2Options",
    "SUM": "ReducerOptions",
}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the file; a constant if it has `data`, whose shape and dtype then count.

    `scale` is one number, or one for each index of `axis`; None writes no quantization.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: str = "int8"
    scale: float | Sequence[float] | None = None
    zero_point: int | Sequence[int] = 0
    axis: int = 0
    data: np.ndarray[Any, Any] | None = None


@dataclass(frozen=True)
class Operator:
    """An operator call. `options` fields are the schema's (strideH, padding, keepDims, ...).

    "" in `inputs` omits an optional input. A name that is not a builtin makes a custom operator.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


def constant(
    name: str,
    data: np.ndarray[Any, Any],
    scale: float | Sequence[float] | None = None,
    zero_point: int | Sequence[int] = 0,
    axis: int = 0,
) -> Tensor:
    """A constant tensor that takes shape and dtype from its data."""
    return Tensor(name, data.shape, data.dtype.name, scale, zero_point, axis, data)


def build_model(
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> bytes:
    """The bytes of a .tflite file with one subgraph."""
    return pack(build_object(tensors, operators, inputs, outputs))


def build_object(
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> Any:
    """The same as a ModelT of the schema, for tests that damage it before `pack`."""
    model = schema.ModelT()
    model.version = 3
    model.description = b"edge test"
    model.buffers = [schema.BufferT()]
    model.operatorCodes = []
    model.subgraphs = []
    add_subgraph(model, tensors, operators, inputs, outputs)
    return model


def add_subgraph(
    model: Any,
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> None:
    """One more subgraph of a ModelT."""
    index = {tensor.name: i for i, tensor in enumerate(tensors)} | {"": -1}
    graph = schema.SubGraphT()
    graph.name = b"main" if not model.subgraphs else b"more"
    graph.tensors = [_tensor(model, tensor) for tensor in tensors]
    graph.inputs = [index[name] for name in inputs]
    graph.outputs = [index[name] for name in outputs]
    graph.operators = [_operator(model, operator, index) for operator in operators]
    model.subgraphs.append(graph)


def pack(model: Any) -> bytes:
    """Serialize a ModelT with the file identifier TFL3."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(model: Any, tensor: Tensor) -> Any:
    made = schema.TensorT()
    made.name = tensor.name.encode()
    made.shape = list(tensor.shape if tensor.data is None else tensor.data.shape)
    dtype = tensor.dtype if tensor.data is None else tensor.data.dtype.name
    made.type = getattr(schema.TensorType, dtype.upper())
    made.buffer = 0
    if tensor.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), np.uint8)
        model.buffers.append(buffer)
        made.buffer = len(model.buffers) - 1
    if tensor.scale is not None:
        made.quantization = _quantization(tensor)
    return made


def _quantization(tensor: Tensor) -> Any:
    made = schema.QuantizationParametersT()
    scales = np.atleast_1d(np.asarray(tensor.scale, np.float32))
    made.scale = scales.tolist()
    made.zeroPoint = np.broadcast_to(np.asarray(tensor.zero_point), scales.shape).tolist()
    made.quantizedDimension = tensor.axis
    return made


def _operator(model: Any, operator: Operator, index: Mapping[str, int]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex = _operator_code(model, operator.op)
    made.inputs = [index[name] for name in operator.inputs]
    made.outputs = [index[name] for name in operator.outputs]
    camel = "".join(part.capitalize() for part in operator.op.split("_"))
    table = _OPTION_TABLES.get(operator.op, camel + "Options")
    kind = getattr(schema.BuiltinOptions, table, None)
    if kind is not None:
        made.builtinOptionsType = kind
        made.builtinOptions = _options(table, operator.options)
    return made


def _options(table: str, values: Mapping[str, Any]) -> Any:
    made = getattr(schema, table + "T")()
    for name, value in values.items():
        if not hasattr(made, name):
            raise ValueError(f"{table} has no field {name}")
        setattr(made, name, value)
    return made


def _operator_code(model: Any, op: str) -> int:
    code = schema.OperatorCodeT()
    code.version = 1
    code.builtinCode = getattr(schema.BuiltinOperator, op, schema.BuiltinOperator.CUSTOM)
    # Old readers only know the first 127 codes; the rest say so in the old field.
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.customCode = op.encode() if code.builtinCode == schema.BuiltinOperator.CUSTOM else None
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
