"""A small streaming .tflite file: the last rows of its input live on in a resource variable."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.frontends.tflite_builder import (
    Operator,
    Tensor,
    add_subgraph,
    build_object,
    constant,
    pack,
)

ROWS, CHANNELS, SCALE, ZERO = 3, 4, 0.05, 3


def handle(name: str) -> Operator:
    return Operator("VAR_HANDLE", (), (name,), {"container": b"", "sharedName": name.encode()})


def tensor(name: str, rows: int, scale: float = SCALE) -> Tensor:
    return Tensor(name, (1, rows, 1, CHANNELS), "int8", scale, ZERO)


def streaming_object(initial: np.ndarray, *, read_again: bool = False) -> Any:
    """The last rows in a variable, a convolution over them and the new one."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-127, 128, (2, ROWS + 1, 1, CHANNELS)).astype(np.int8)
    tensors = [
        tensor("x", 1),
        Tensor("rows", (), "resource"),
        tensor("old", ROWS),
        tensor("all", ROWS + 1),
        tensor("new", ROWS),
        constant("begin", np.array([0, 1, 0, 0], np.int32)),
        constant("size", np.array([1, ROWS, 1, CHANNELS], np.int32)),
        constant("w", weight, [0.01, 0.02], [0, 0], 0),
        constant("b", np.array([100, -900], np.int32), [SCALE * 0.01, SCALE * 0.02], [0, 0], 0),
        Tensor("y", (1, 1, 1, 2), "int8", 0.6, -5),
        tensor("again", ROWS),
        Tensor("z", (1, ROWS, 1, CHANNELS), "int8", SCALE, ZERO),
    ]
    operators = [
        Operator("CALL_ONCE", (), (), {"initSubgraphIndex": 1}),
        handle("rows"),
        Operator("READ_VARIABLE", ("rows",), ("old",)),
        Operator("CONCATENATION", ("old", "x"), ("all",), {"axis": 1}),
        Operator("SLICE", ("all", "begin", "size"), ("new",)),
        Operator("ASSIGN_VARIABLE", ("rows", "new"), ()),
        Operator("CONV_2D", ("all", "w", "b"), ("y",), {"strideH": 1, "strideW": 1, "padding": 1}),
    ]
    outputs = ["y"]
    if read_again:
        operators.append(Operator("READ_VARIABLE", ("rows",), ("again",)))
        operators.append(Operator("RELU", ("again",), ("z",)))
        outputs.append("z")
    model = build_object(tensors, operators, ["x"], outputs)
    first = [Tensor("rows", (), "resource"), constant("first", initial, SCALE, ZERO)]
    assign = Operator("ASSIGN_VARIABLE", ("rows", "first"), ())
    add_subgraph(model, first, [handle("rows"), assign], [], [])
    return model


def first_rows(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (1, ROWS, 1, CHANNELS)).astype(np.int8)


def streaming_network() -> bytes:
    return pack(streaming_object(first_rows(), read_again=True))
