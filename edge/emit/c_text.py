"""Text of C constants: arrays of numbers and nested designated initializers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge.ir.types import Array

_C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "float32": "float",
}

# Compilers read a string literal about ten times faster than a list of decimals, but people do not.
_STRING_FROM_BYTES = 64 * 1024
_OCTAL = [f"\\{byte:03o}" for byte in range(256)]
_PER_LINE = 24


@dataclass(frozen=True)
class Symbol:
    """A C expression that stands for itself: an array name, an enumerator, NULL."""

    text: str


Field = int | float | Symbol | Mapping[str, "Field"] | tuple["Field", ...]


@dataclass(frozen=True, eq=False)
class ConstArray:
    """A constant array in flash. `comment` says what it holds."""

    name: str
    data: Array
    comment: str = ""

    @property
    def c_type(self) -> str:
        return _C_TYPES[self.data.dtype.name]

    @property
    def declaration(self) -> str:
        # Kernels load words from byte arrays, so the declaration carries the alignment.
        return f"const {self.c_type} {self.name}[{self.data.size}] EDGE_ALIGN(4)"

    @property
    def definition(self) -> str:
        flat = np.ascontiguousarray(self.data).reshape(-1)
        if flat.dtype.itemsize == 1 and flat.size >= _STRING_FROM_BYTES:
            return f"{self.declaration} EDGE_NONSTRING =\n{_string_literal(flat)};"
        return f"{self.declaration} = {{\n{_numbers(flat)}}};"


def _numbers(flat: Array) -> str:
    values = [_number(v) for v in flat.tolist()]
    lines = (values[i : i + _PER_LINE] for i in range(0, len(values), _PER_LINE))
    return "".join(f"    {', '.join(line)},\n" for line in lines)


def _string_literal(flat: Array) -> str:
    codes = flat.tobytes()
    step = 4 * _PER_LINE
    chunks = (codes[i : i + step] for i in range(0, len(codes), step))
    return "\n".join(f'    "{"".join(map(_OCTAL.__getitem__, chunk))}"' for chunk in chunks)


def _number(value: int | float) -> str:
    if not isinstance(value, int):
        if math.isinf(value):
            return "EDGE_INFINITY" if value > 0 else "-EDGE_INFINITY"
        return f"{float(np.float32(value)).hex()}f"
    # The literal -2147483648 is an unsigned negation in C; this is not.
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def initializer(fields: Mapping[str, Field], depth: int = 0) -> str:
    """A designated initializer, one field a line, nested structs indented."""
    indent = "    " * (depth + 1)
    body = "".join(f"{indent}.{k} = {_field(v, depth + 1)},\n" for k, v in fields.items())
    return "{\n" + body + "    " * depth + "}"


def _field(value: Field, depth: int) -> str:
    if isinstance(value, Symbol):
        return value.text
    if isinstance(value, Mapping):
        return initializer(value, depth)
    if isinstance(value, tuple):
        return "{" + ", ".join(_field(v, depth) for v in value) + "}"
    return _number(value)
