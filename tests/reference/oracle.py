"""Comparison of the numpy interpreter with LiteRT's reference kernels on small .tflite files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from edge.frontends.tflite import load_tflite
from edge.reference import run_batch
from edge.reference.litert import REFERENCE_KERNELS, run_litert
from tests.frontends.tflite_builder import Operator, Tensor, build_model, constant

pytest.importorskip("ai_edge_litert.interpreter", reason="pip install ai-edge-litert")

Shape = tuple[int, ...]
RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3
"""Codes of ActivationFunctionType in the .tflite schema; 0 is none."""
SAME, VALID = 0, 1
"""Codes of Padding in the .tflite schema."""


def int8s(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    return rng.integers(-128, 128, shape).astype(np.int8)


def weights(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    return rng.integers(-127, 128, shape).astype(np.int8)


def activation(rng: np.random.Generator, name: str, shape: Shape, scale: float) -> Tensor:
    """An int8 tensor with the zero point drawn at random."""
    return Tensor(name, shape, scale=scale, zero_point=int(rng.integers(-128, 128)))


def single_operator(
    op: str,
    inputs: tuple[Tensor, ...],
    output: Tensor,
    constants: tuple[Tensor, ...] = (),
    options: Mapping[str, Any] | None = None,
    operands: Sequence[Tensor] = (),
) -> bytes:
    """A file with one operator; constants follow the inputs, unless `operands` orders them all."""
    operands = operands or (*inputs, *constants)
    operator = Operator(op, tuple(t.name for t in operands), (output.name,), options or {})
    names = tuple(tensor.name for tensor in inputs)
    return build_model((*operands, output), [operator], names, (output.name,))


def bias_like(rng: np.random.Generator, channels: int, scale: Any, size: int = 5000) -> Tensor:
    data = rng.integers(-size, size, channels).astype(np.int32)
    return constant("bias", data, scale=scale)


def assert_agrees(
    file: bytes,
    *inputs: np.ndarray[Any, Any],
    varied: bool = True,
    kernels: str = REFERENCE_KERNELS,
) -> None:
    """Every output of every sample equals LiteRT's; `varied` asks for outputs worth comparing."""
    expected = run_litert(file, inputs, kernels)
    actual = run_batch(load_tflite(file), inputs)
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
        if varied and theirs.size > 16:
            inside = theirs[(theirs > -128) & (theirs < 127)] if theirs.dtype == np.int8 else theirs
            assert len(np.unique(inside)) > 4, "the outputs are constant, so nothing was compared"
