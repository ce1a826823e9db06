"""What a .tflite file says, as plain data: tensors, operators, inputs and outputs.

`read_model` checks bytes, indices and order of execution; it knows nothing of what operators mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.frontends.tflite.flatbuffer import (
    BOOL,
    INT8,
    INT32,
    UINT8,
    UINT32,
    UINT64,
    Source,
    Table,
    damaged,
)
from edge.frontends.tflite.schema import ELEMENT_TYPES, OPERATORS, OPTIONS
from edge.frontends.tflite.sparsity import dense_bytes

_IDENTIFIER = b"TFL3"
_MAX_RANK = 8
_MAX_EXTENT = 1 << 31
_CUSTOM, _CALL_ONCE = "CUSTOM", "CALL_ONCE"
_VERSION = 3
_MADE_DENSE = ("int8", "float32", "float16", "int32")
# What a scale and its zero point take as Python numbers, in bytes.
_SCALE_COST = 64


@dataclass(frozen=True, eq=False)
class Affine:
    """Quantization as stored: scales, zero points (perhaps none) and the axis they run along."""

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the file. A `shape` entry of -1 is dynamic.

    `data` is set for constants, dense also where the file has them sparse; `is_sparse` is left for
    element types that no kernel has.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    affine: Affine | None
    data: npt.NDArray[np.generic] | None
    is_variable: bool = False
    is_sparse: bool = False

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator call: tensors by index (-1 omits an optional input), options by name."""

    index: int
    kind: str
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int | float | bool]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """The first subgraph of a file. `source` accounts for memory made from the file's bytes.

    `initializers` are the subgraphs, by number, that run once before the first inference.
    """

    source: Source
    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int
    initializers: dict[int, Model] = field(default_factory=dict)


def read_model(data: bytes) -> Model:
    """Read a .tflite file. Raises EdgeError (E0020 another format, E0021 damaged)."""
    if len(data) < 8 or data[4:8] != _IDENTIFIER:
        raise fail(
            "E0020",
            "this is not a .tflite file: the identifier TFL3 is missing",
            help=("files of TensorFlow 1 and .pb files must be converted first",),
        )
    source = Source(data)
    root = source.root()
    version = root.integer(0, UINT32)
    if version != _VERSION:
        raise fail("E0020", f"this .tflite file has the unknown schema version {version}")
    subgraphs = root.tables(2)
    if not subgraphs:
        raise damaged("it holds no graph")
    model = _model(source, root, subgraphs[0], len(subgraphs))
    _check_order(model)
    for index in _once(model):
        if not 0 < index < len(subgraphs):
            raise damaged(f"it calls subgraph {index} of {len(subgraphs)}")
        model.initializers[index] = _model(source, root, subgraphs[index], len(subgraphs))
        _check_order(model.initializers[index])
    return model


def _once(model: Model) -> set[int]:
    """The subgraphs that run once."""
    return {
        int(op.options["subgraph"])
        for op in model.operators
        if op.kind == _CALL_ONCE and not op.is_custom
    }


def _model(source: Source, root: Table, graph: Table, subgraphs: int) -> Model:
    buffers = [_buffer(source, table) for table in root.tables(4)]
    codes = [_operator_code(table) for table in root.tables(1)]
    tensors = [_tensor(source, i, table, buffers) for i, table in enumerate(graph.tables(0))]
    operators = [_operator(i, table, codes) for i, table in enumerate(graph.tables(3))]
    return Model(source, tensors, operators, graph.integers(1), graph.integers(2), subgraphs)


def _buffer(source: Source, table: Table) -> npt.NDArray[np.generic] | None:
    """The bytes of a buffer; files over 2 GB keep them behind the flatbuffer, by offset."""
    offset, size = table.integer(1, UINT64), table.integer(2, UINT64)
    if offset > 1 and size:
        return np.frombuffer(source.data, np.uint8, size, source.span(offset, size))
    data = table.array(0, "<u1")
    return None if data is None or not data.size else data


def _operator_code(table: Table) -> tuple[str, bool]:
    """Name of an operator and whether it is custom.

    Codes above 127 are in a newer field; the larger of both counts.
    """
    code = max(table.integer(0, INT8), table.integer(3, INT32))
    name = OPERATORS[code] if 0 <= code < len(OPERATORS) else f"builtin {code}"
    return (table.text(1) or "unnamed", True) if name == _CUSTOM else (name, False)


def _tensor(
    source: Source, index: int, table: Table, buffers: list[npt.NDArray[np.generic] | None]
) -> Tensor:
    name = table.text(3)
    shape, signature = table.integers(0), table.integers(7)
    code, buffer = table.integer(1, INT8), table.integer(2, UINT32)
    if not 0 <= code < len(ELEMENT_TYPES):
        raise damaged(f"tensor {index} has the unknown element type {code}")
    if buffer >= max(len(buffers), 1):
        raise damaged(f"tensor {index} uses buffer {buffer} of {len(buffers)}")
    _check_shape(index, shape)
    stored, sparsity = buffers[buffer] if buffer else None, table.table(6)
    unpacked = sparsity is not None and ELEMENT_TYPES[code] in _MADE_DENSE
    if sparsity is not None and unpacked and stored is not None:
        elements = _elements(index, stored, ELEMENT_TYPES[code])
        stored = dense_bytes(source, f"tensor {index}", sparsity, shape, elements)
    return Tensor(
        index,
        name,
        shape,
        signature if len(signature) == len(shape) else shape,
        ELEMENT_TYPES[code],
        _affine(source, table.table(4)),
        stored,
        bool(table.scalar(5, BOOL, False)),
        sparsity is not None and not unpacked,
    )


def _elements(index: int, stored: npt.NDArray[np.generic], dtype: str) -> npt.NDArray[np.generic]:
    """Bytes as elements of a type."""
    kind = np.dtype(dtype).newbyteorder("<")
    if stored.size % kind.itemsize:
        raise damaged(f"tensor {index}, {dtype}, holds {stored.size} bytes")
    return stored.view(kind)


def _check_shape(index: int, shape: tuple[int, ...]) -> None:
    if len(shape) > _MAX_RANK:
        raise damaged(f"tensor {index} has {len(shape)} dimensions")
    if min(shape, default=1) < -1 or math.prod(map(abs, shape)) >= _MAX_EXTENT:
        raise damaged(f"tensor {index} has the absurd shape {list(shape)}")


def _affine(source: Source, table: Table | None) -> Affine | None:
    scale = None if table is None else table.array(2, "<f4")
    if table is None or scale is None or not scale.size:
        return None
    zero_point = table.array(3, "<i8")
    if zero_point is None or not zero_point.size:
        zero_point = np.zeros(1, np.int64)
    axis = table.integer(6, INT32)
    source.spend(_SCALE_COST * scale.size)
    return Affine(scale.astype(np.float32), zero_point.astype(np.int64), axis)


def _operator(index: int, table: Table, codes: list[tuple[str, bool]]) -> Operator:
    code = table.integer(0, UINT32)
    if code >= len(codes):
        raise damaged(f"operator {index} has the code index {code} of {len(codes)}")
    kind, is_custom = codes[code]
    options = {} if is_custom else _options(kind, table)
    texts = {} if is_custom else _texts(kind, table)
    return Operator(index, kind, is_custom, table.integers(1), table.integers(2), options, texts)


def _texts(kind: str, operator: Table) -> dict[str, str]:
    """The options of an operator that hold text."""
    options = OPTIONS.get(kind)
    if options is None or not options.texts:
        return {}
    table = operator.table(4) if operator.integer(3, UINT8) == options.code else None
    return {name: table.text(n) if table else "" for name, n in options.texts.items()}


def _options(kind: str, operator: Table) -> dict[str, int | float | bool]:
    """The scalar options of an operator; a missing option table stands for the defaults."""
    options = OPTIONS.get(kind)
    if options is None:
        return {}
    table = operator.table(4) if operator.integer(3, UINT8) == options.code else None
    fields = options.fields.items()
    if table is None:
        return {name: field.default for name, field in fields}
    return {name: table.scalar(field.number, field.form, field.default) for name, field in fields}


def _check_order(model: Model) -> None:
    """Indices are in range, each tensor is made once and before it is read."""
    count = len(model.tensors)
    for place, indices in _references(model):
        for index in indices:
            if not 0 <= index < count:
                raise damaged(f"{place} refers to tensor {index} of {count}")
    made = _given(model)
    for operator in model.operators:
        for index in operator.inputs:
            if index >= 0 and index not in made:
                raise damaged(f"operator {operator.index} reads tensor {index} before it is made")
        for index in operator.outputs:
            if index in made:
                raise damaged(f"operator {operator.index} makes tensor {index} again")
            made.add(index)
    for index in model.outputs:
        if index not in made:
            raise damaged(f"output tensor {index} is never made")


def _references(model: Model) -> Iterator[tuple[str, list[int]]]:
    yield "the input list", list(model.inputs)
    yield "the output list", list(model.outputs)
    for operator in model.operators:
        place = f"operator {operator.index}"
        yield place, [index for index in operator.inputs if index != -1]
        yield place, list(operator.outputs)


def _given(model: Model) -> set[int]:
    """Tensors that exist before the first operator: inputs, constants, state and empty ones."""
    inputs = set(model.inputs)
    if len(inputs) < len(model.inputs) or len(set(model.outputs)) < len(model.outputs):
        raise damaged("an input or output is listed twice")
    if any(model.tensors[index].data is not None for index in inputs):
        raise damaged("an input of the model is a constant")
    return inputs | {
        tensor.index
        for tensor in model.tensors
        if tensor.data is not None or tensor.is_variable or not tensor.elements
    }
