"""Random small CNNs with every operator that can be trained, the same for the same seed."""

from __future__ import annotations

import numpy as np

from edge.ir import Graph
from edge.ir.graph import Attr
from tests.training.networks import TrainNet

_FUNCTIONS = ("hard_swish", "relu6", "sigmoid", "silu", "leaky_relu")


def random_network(seed: int) -> Graph:
    """Three to six random layers between a first convolution and a head."""
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(7, 14, 2))
    net = TrainNet(1, height, width, int(rng.integers(1, 5)), seed=seed)
    net.conv(int(rng.integers(3, 9)), stride=int(rng.integers(1, 3)))
    for _ in range(int(rng.integers(3, 7))):
        _LAYERS[int(rng.integers(len(_LAYERS)))](net, rng)
    return net.head(int(rng.integers(2, 7)))


def _shape(net: TrainNet) -> tuple[int, ...]:
    return net.values[net.last].type.shape


def _convolution(net: TrainNet, rng: np.random.Generator) -> None:
    activation = str(rng.choice(["none", "relu", "relu6"]))
    kernel, stride = int(rng.choice([1, 3, 5])), int(rng.integers(1, 3))
    net.conv(int(rng.integers(3, 13)), kernel, stride=stride, activation=activation)


def _depthwise(net: TrainNet, rng: np.random.Generator) -> None:
    net.depthwise(int(rng.choice([3, 5])), stride=int(rng.integers(1, 3)))


def _residual(net: TrainNet, rng: np.random.Generator) -> None:
    start, channels = net.last, _shape(net)[3]
    net.conv(2 * channels, 1)
    net.depthwise(3)
    net.conv(channels, 1)
    operands = (start, net.last) if rng.random() < 0.5 else (net.last, start)
    net.add("add" if rng.random() < 0.8 else "sub", *operands, scale=0.5)


def _pool(net: TrainNet, rng: np.random.Generator) -> None:
    _, height, width, _ = _shape(net)
    if min(height, width) < 2:
        return
    attrs: dict[str, Attr] = {"kernel": (2, 2), "stride": (1, 2), "padding": (0, 0, 0, 0)}
    if rng.random() < 0.5:
        net.add("max_pool2d", attrs=attrs, **net.like_last())
    else:
        net.add("avg_pool2d", attrs={**attrs, "padding": (1, 0, 0, 1)}, scale=0.3, zero=2)


def _function(net: TrainNet, rng: np.random.Generator) -> None:
    attrs: dict[str, Attr] = {"function": str(rng.choice(_FUNCTIONS)), "alpha": 0.125}
    net.add("unary", attrs=attrs, scale=0.1, zero=-40)


def _branches(net: TrainNet, rng: np.random.Generator) -> None:
    start = net.last
    left = net.conv(int(rng.integers(2, 7)), 1, source=start)
    right = net.conv(int(rng.integers(2, 7)), 3, source=start)
    net.add("concat", left, right, attrs={"axis": 3}, scale=0.4, zero=-5)


_LAYERS = (_convolution, _depthwise, _residual, _pool, _function, _branches)
