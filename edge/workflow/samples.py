"""Inputs for verification and running: random ones, and arrays that users bring."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, TensorType
from edge.ir.types import Array


def random_inputs(graph: Graph, count: int, stream: str = "") -> list[Array]:
    """`count` random samples for each graph input, the same for the same graph name and stream.

    Integer inputs cover their whole range, float ones the unit normal distribution.
    """
    rng = np.random.default_rng(zlib.crc32(f"{graph.name}{stream}".encode()))
    return [_random(graph.type(name), count, rng) for name in graph.inputs]


def _random(tensor: TensorType, count: int, rng: np.random.Generator) -> Array:
    shape = (count, *tensor.shape[1:])
    if np.issubdtype(tensor.dtype.numpy, np.integer):
        limits = np.iinfo(tensor.dtype.value)
        return rng.integers(limits.min, limits.max + 1, shape).astype(tensor.dtype.numpy)
    return rng.standard_normal(shape).astype(np.float32)


def as_samples(data: Array, port: Mapping[str, Any]) -> Array:
    """`data` as samples [N, *shape] of a model port, in the port's element type.

    Accepts [N, *shape], [N, flat] and, for images, [N, C, H, W]. float32 data for an int8 port is
    quantized with the port's scale and zero point: clamp(round_half_even(x / scale) + zero_point).
    Raises EdgeError E0005 for other shapes, types and for NaN.
    """
    shape = tuple(port["shape"])[1:]
    shaped = _with_shape(data, shape, port["name"])
    dtype = np.dtype(port["dtype"])
    if shaped.dtype == dtype:
        return shaped
    if shaped.dtype == np.float64:
        shaped = shaped.astype(np.float32)
    if shaped.dtype == np.float32 and dtype == np.int8:
        return quantize(shaped.astype(np.float32), port["scale"], port["zero_point"])
    raise fail(
        "E0005", f"input {port['name']} holds {data.dtype}, the model takes {dtype}",
        help=[f"give {dtype} as in the model, or float32 to be quantized"],
    )  # fmt: skip


def _with_shape(data: Array, shape: tuple[int, ...], name: str) -> Array:
    flat = int(np.prod(shape))
    if data.shape[1:] in (shape, (flat,)) and data.ndim >= 1 and len(data):
        return data.reshape(-1, *shape)
    if len(shape) == 3 and data.shape[1:] == (shape[2], *shape[:2]):
        return np.ascontiguousarray(data.transpose(0, 2, 3, 1))
    raise fail(
        "E0005", f"input {name} has shape {list(data.shape)}",
        help=[f"give [N, {', '.join(map(str, shape))}] or [N, {flat}] with N >= 1"],
    )  # fmt: skip


def quantize(
    values: npt.NDArray[np.float32], scale: float, zero_point: int
) -> npt.NDArray[np.int8]:
    """clamp(round_half_even(x / scale) + zero_point) with a float32 division."""
    if not np.isfinite(values).all():
        raise fail("E0005", "the input holds NaN or infinity", help=["clean the data first"])
    steps = np.rint(values / np.float32(scale)) + zero_point
    stored: npt.NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
    return stored


def dequantize(values: Array, port: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    """(stored - zero_point) * scale in float32; float values pass through."""
    if port["scale"] is None:
        return values.astype(np.float32)
    steps = values.astype(np.float32) - np.float32(port["zero_point"])
    result: npt.NDArray[np.float32] = steps * np.float32(port["scale"])
    return result


def concatenate(parts: Sequence[Sequence[Array]]) -> list[Array]:
    """Several sets of samples, port by port, as one set."""
    return [np.concatenate(port) for port in zip(*parts, strict=True)]
