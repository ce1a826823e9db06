"""Operators that move elements, and resizes, equal LiteRT's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontends.tflite_builder import Tensor, constant
from tests.reference.oracle import Shape, assert_agrees, int8s, single_operator


def move(op: str, x: Shape, y: Shape, *operands: Tensor, options: Any = None) -> None:
    rng = np.random.default_rng(len(x))
    source = Tensor("x", x, scale=0.1, zero_point=-7)
    target = Tensor("y", y, scale=0.1, zero_point=-7)
    file = single_operator(op, (source,), target, operands, options)
    assert_agrees(file, int8s(rng, 3 if x[0] == 1 else 1, *(x[1:] if x[0] == 1 else x)))


def int32s(name: str, *values: Any) -> Tensor:
    return constant(name, np.array(values, np.int32))


def test_pad_writes_the_zero_point() -> None:
    move("PAD", (1, 5, 4, 3), (1, 8, 5, 3), int32s("p", (0, 0), (1, 2), (0, 1), (0, 0)))


def test_pad_with_a_value() -> None:
    value = constant("v", np.array([55], np.int8), scale=0.1, zero_point=-7)
    paddings = int32s("p", (0, 0), (1, 2), (2, 1), (0, 3))
    move("PADV2", (1, 5, 4, 3), (1, 8, 7, 6), paddings, value)


def test_transpose() -> None:
    move("TRANSPOSE", (1, 5, 4, 3), (1, 3, 5, 4), int32s("p", 0, 3, 1, 2))


def test_strided_slice() -> None:
    operands = int32s("b", 0, 1, 0, 1), int32s("e", 1, 5, 4, 3), int32s("s", 1, 2, 1, 1)
    move("STRIDED_SLICE", (1, 6, 4, 3), (1, 2, 4, 2), *operands)


def test_reshape() -> None:
    move("RESHAPE", (1, 5, 4, 3), (1, 60), int32s("s", 1, 60))


SIZES = [
    ((4, 5), (8, 10)),
    ((4, 5), (7, 3)),
    ((6, 6), (11, 13)),
    ((3, 2), (3, 2)),
    ((7, 9), (1, 1)),
]
GRIDS = [(False, False), (True, False), (False, True)]


@pytest.mark.parametrize(("size", "out"), SIZES)
@pytest.mark.parametrize(("corners", "centers"), GRIDS)
@pytest.mark.parametrize("op", ["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"])
def test_resize(op: str, corners: bool, centers: bool, size: Any, out: Any) -> None:
    options = {"alignCorners": corners, "halfPixelCenters": centers}
    move(op, (1, *size, 4), (1, *out, 4), int32s("s", *out), options=options)


@pytest.mark.parametrize(("corners", "centers"), GRIDS)
@pytest.mark.parametrize("op", ["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"])
def test_resize_of_one_axis_by_every_ratio(op: str, corners: bool, centers: bool) -> None:
    options = {"alignCorners": corners, "halfPixelCenters": centers}
    for size in (1, 2, 5, 8):
        for out in (1, 2, 3, 7, 16, 31):
            move(op, (1, size, 2, 9), (1, out, 2, 9), int32s("s", out, 2), options=options)
