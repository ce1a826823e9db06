"""Tables of unary int8 functions equal LiteRT's answer for all 256 stored inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from edge.reference.litert import REFERENCE_KERNELS
from tests.frontends.tflite_builder import Tensor
from tests.reference.oracle import assert_agrees, single_operator

EVERY = np.arange(-128, 128, dtype=np.int8)[None]
IN_QUANTIZATION = [(0.05, 3), (0.0235294, -128), (0.1, 90), (1 / 128, 0), (0.31, -40), (0.5, 0)]
OUT_QUANTIZATION = [(0.05, 3), (0.031, -100), (0.17, 12), (1 / 64, -128), (0.25, 0)]


def agrees(
    op: str,
    in_quantization: tuple[float, int],
    out_quantization: tuple[float, int],
    options: Mapping[str, Any] | None = None,
    inputs: np.ndarray[Any, Any] = EVERY,
    kernels: str = REFERENCE_KERNELS,
) -> None:
    shape = (1, inputs.shape[1])
    x = Tensor("x", shape, scale=in_quantization[0], zero_point=in_quantization[1])
    y = Tensor("y", shape, scale=out_quantization[0], zero_point=out_quantization[1])
    file = single_operator(op, (x,), y, options=options)
    assert_agrees(file, inputs, varied=False, kernels=kernels)


@pytest.mark.parametrize("out", OUT_QUANTIZATION)
@pytest.mark.parametrize("in_", IN_QUANTIZATION)
@pytest.mark.parametrize("op", ["RELU", "RELU6", "RELU_N1_TO_1", "LOG", "ABS"])
def test_functions(op: str, in_: tuple[float, int], out: tuple[float, int]) -> None:
    agrees(op, in_, out)


@pytest.mark.parametrize("out", OUT_QUANTIZATION)
@pytest.mark.parametrize("in_", IN_QUANTIZATION)
def test_elu(in_: tuple[float, int], out: tuple[float, int]) -> None:
    """LiteRT registers no reference kernel; the optimized one uses the same kind of table."""
    agrees("ELU", in_, out, kernels="BUILTIN_WITHOUT_DEFAULT_DELEGATES")


@pytest.mark.parametrize("out", [*OUT_QUANTIZATION, (8.0, -128)])
@pytest.mark.parametrize("in_", [(0.05, 3), (0.0235294, -128), (0.1, 90), (1 / 128, 0)])
def test_exp(in_: tuple[float, int], out: tuple[float, int]) -> None:
    agrees("EXP", in_, out)


@pytest.mark.parametrize("in_", IN_QUANTIZATION)
def test_sigmoid(in_: tuple[float, int]) -> None:
    agrees("LOGISTIC", in_, (1 / 256, -128))


@pytest.mark.parametrize("in_", IN_QUANTIZATION)
def test_tanh(in_: tuple[float, int]) -> None:
    agrees("TANH", in_, (1 / 128, 0))


@pytest.mark.parametrize("out", OUT_QUANTIZATION)
@pytest.mark.parametrize("in_", IN_QUANTIZATION)
@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate: bool, in_: tuple[float, int], out: tuple[float, int]) -> None:
    agrees("GELU", in_, out, {"approximate": approximate})


@pytest.mark.parametrize("out", OUT_QUANTIZATION)
@pytest.mark.parametrize("in_", IN_QUANTIZATION)
def test_hard_swish(in_: tuple[float, int], out: tuple[float, int]) -> None:
    agrees("HARD_SWISH", in_, out)


@pytest.mark.parametrize("out", OUT_QUANTIZATION)
@pytest.mark.parametrize("in_", IN_QUANTIZATION)
@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.5, -0.2])
def test_leaky_relu(alpha: float, in_: tuple[float, int], out: tuple[float, int]) -> None:
    agrees("LEAKY_RELU", in_, out, {"alpha": alpha})


@pytest.mark.parametrize("out", [(0.02, -128), (0.05, -100), (0.3, 0)])
@pytest.mark.parametrize("in_", [(0.05, -128), (0.3, -50), (1.0, 0)])
@pytest.mark.parametrize("op", ["SQRT", "RSQRT"])
def test_roots(op: str, in_: tuple[float, int], out: tuple[float, int]) -> None:
    """LiteRT refuses inputs below the zero point."""
    agrees(op, in_, out, inputs=np.arange(in_[1], 128, dtype=np.int8)[None])


def test_negate_without_zero_points() -> None:
    agrees("NEG", (0.1, 0), (0.1, 0))
