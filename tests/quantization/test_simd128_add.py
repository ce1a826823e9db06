"""Additions that are rounded once give what those that are rounded three times give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.ir import Rounding
from edge.quantization import constants
from edge.quantization.constants import Add, Form
from edge.quantization.simd128_add import outputs, quickest_add
from edge.reference import run
from tests.emulators.dsp_graphs import one_node, tensor

SCALES = ((0.05, 0.05), (0.05, 0.011), (0.003, 0.2), (0.031, 0.047), (0.07, 0.0001))


def addition(op: str, a: float, b: float, out: float, rounding: Rounding) -> tuple[Add, object]:
    """The constants of an addition and its stored outputs for all pairs of inputs."""
    types = (tensor((256, 256), a, -7), tensor((256, 256), b, 4))
    graph = one_node(op, types, (), (out, -9), {"activation": "none"}, rounding)
    every = np.arange(-128, 128).astype(np.int8)
    pairs = tuple(np.ascontiguousarray(x) for x in np.meshgrid(every, every, indexing="ij"))
    return constants.add(graph, graph.nodes[0]), run(graph, pairs)["y"]


@pytest.mark.parametrize("op", ["add", "sub"])
@pytest.mark.parametrize("rounding", [Rounding.TFLITE, Rounding.SINGLE])
@pytest.mark.parametrize(("a", "b"), SCALES)
def test_outputs_of_all_pairs_are_those_of_the_reference(
    op: str, rounding: Rounding, a: float, b: float
) -> None:
    add, expected = addition(op, a, b, 0.0713, rounding)
    np.testing.assert_array_equal(outputs(add), expected)
    np.testing.assert_array_equal(outputs(quickest_add(add)), expected)


def test_scales_of_no_simple_ratio_need_one_rounding_only() -> None:
    rng = np.random.default_rng(3)
    found = [
        quickest_add(addition("add", *rng.uniform(0.01, 0.1, 3), Rounding.TFLITE)[0]).form
        for _ in range(10)
    ]
    assert found.count(Form.ONCE) >= 9


def test_ties_of_both_signs_leave_zero_by_multipliers_a_little_larger() -> None:
    add, expected = addition("add", 0.05, 0.05, 0.1, Rounding.TFLITE)
    found = quickest_add(add)
    assert found.form is Form.ONCE
    np.testing.assert_array_equal(outputs(found), expected)


def test_sums_fit_int32() -> None:
    for a, b in SCALES:
        add = quickest_add(addition("add", a, b, 0.0001, Rounding.TFLITE)[0])
        if add.form is Form.ONCE:
            most = 255 * (abs(add.a.multiplier) + abs(add.b.multiplier))
            assert most + (1 << (add.out_shift - 1)) < 1 << 31


def test_an_addition_that_is_rounded_once_is_kept() -> None:
    add, _ = addition("add", 0.05, 0.02, 0.07, Rounding.SINGLE)
    assert quickest_add(add) is add
    assert replace(add) == add
