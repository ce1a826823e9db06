"""A graph as text, with constants as arrays, and a small network with one of everything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.ir import DType, Graph, TensorType, Value, check, parse

NET = """
graph net single (x) -> (probabilities)
x : float32[1,12,12,3]
stem : float32[1,12,12,8]
deep : float32[1,6,6,8]
wide : float32[1,6,6,8]
sum : float32[1,6,6,8]
gated : float32[1,6,6,8]
both : float32[1,6,6,16]
small : float32[1,3,3,16]
pooled : float32[1,16]
scores : float32[1,5]
probabilities : float32[1,5]
c0 conv2d(x, w0, b0) -> stem padding=(1,1,1,1) activation="relu"
d0 depthwise_conv2d(stem, w1, b1) -> deep stride=(2,2) padding=(0,1,0,1) activation="relu6"
c1 conv2d(deep, w2) -> wide
a0 add(deep, wide) -> sum
u0 unary(sum) -> gated function="hard_swish"
k0 concat(gated, wide) -> both axis=3
p0 max_pool2d(both) -> small kernel=(2,2) stride=(2,2)
m0 mean(small) -> pooled axes=(1,2) keepdims=False
l0 linear(pooled, w3, b3) -> scores
s0 softmax(scores) -> probabilities
"""


def _read(text: str, **constants: np.ndarray) -> Graph:
    graph = parse(text)
    values = {
        name: Value(name, TensorType(data.shape, DType(str(data.dtype))), data)
        for name, data in constants.items()
    }
    return check(graph.with_nodes(graph.nodes, values.values()))


def _weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"w0": (8, 3, 3, 3), "w1": (1, 3, 3, 8), "w2": (8, 1, 1, 8), "w3": (5, 16)}
    sizes = {"b0": (8,), "b1": (8,), "b3": (5,)}
    fan_in = {"w0": 27, "w1": 9, "w2": 8, "w3": 16}
    drawn = {
        name: rng.normal(0, (2 / fan_in[name]) ** 0.5, shape) for name, shape in shapes.items()
    } | {name: rng.normal(0, 0.3, shape) for name, shape in sizes.items()}
    return {name: data.astype(np.float32) for name, data in drawn.items()}


@pytest.fixture
def read_graph() -> Callable[..., Graph]:
    return _read


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    """The constants of `net`."""
    return _weights()


@pytest.fixture
def net() -> Graph:
    return _read(NET, **_weights())


@pytest.fixture
def net_text() -> str:
    return NET


@pytest.fixture
def images() -> np.ndarray:
    """64 inputs of `net`."""
    return np.random.default_rng(1).standard_normal((64, 12, 12, 3)).astype(np.float32)
