"""Graphs as text: `graph(text, w=array)` reads a graph and adds constants as arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge import reference
from edge.ir import DType, Graph, TensorType, Value, check, parse


def _read(text: str, **constants: np.ndarray) -> Graph:
    graph = parse(text)
    values = {
        name: Value(name, TensorType(data.shape, DType(str(data.dtype))), data)
        for name, data in constants.items()
    }
    return check(graph.with_nodes(graph.nodes, values.values()))


def _outline(graph: Graph) -> list[str]:
    return [f"{n.op}({', '.join(n.inputs)}) -> {n.output}" for n in graph.nodes]


def _outputs(graph: Graph, samples: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = []
    for tensor in map(graph.type, graph.inputs):
        shape = (samples, *tensor.shape[1:])
        if tensor.dtype is DType.INT8:
            inputs.append(rng.integers(-128, 128, shape).astype(np.int8))
        else:
            inputs.append(2 * rng.standard_normal(shape).astype(np.float32))
    return reference.run_batch(check(graph), inputs)


@pytest.fixture
def graph() -> Callable[..., Graph]:
    return _read


@pytest.fixture
def nodes() -> Callable[[Graph], list[str]]:
    """The nodes of a graph in short: `op(inputs) -> output`."""
    return _outline


@pytest.fixture
def outputs() -> Callable[..., list[np.ndarray]]:
    """What a valid graph computes from random inputs, int8 or float."""
    return _outputs
