"""Small int8 graphs that together hold every operator with a gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.ir import Graph, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.types import DType, Quantization
from edge.passes import legalize_unary
from edge.reference import run
from tests.models.int8_nets import Net

POOL: dict[str, Attr] = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0, 0, 0)}


class TrainNet(Net):
    """Weights are small enough that most outputs stay inside the clamp."""

    def weight(self, name: str, shape: tuple[int, ...], axis: int) -> str:
        fan_in = int(np.prod(shape)) // shape[axis]
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = tuple(float(s) for s in self.rng.uniform(0.5, 1.5, shape[axis]) / 60 / fan_in**0.5)
        quantization = Quantization(scales, (0,) * len(scales), axis)
        self.values[name] = Value(name, TensorType(shape, DType.INT8, quantization), data)
        return name

    def like_last(self) -> dict[str, float]:
        """The quantization of the latest value, for operators that keep it."""
        kept = self.values[self.last].type.quantization
        assert kept is not None
        return {"scale": kept.scale[0], "zero": kept.zero_point[0]}

    def head(self, classes: int = 5) -> Graph:
        """A mean, a linear layer, and the graph."""
        self.add("mean", attrs={"axes": (1, 2), "keepdims": False}, scale=0.03, zero=-7)
        features = self.values[self.last].type.shape[-1]
        weight = self.weight("head", (classes, features), 0)
        self.add("linear", self.last, weight, self.bias("head_bias", classes), scale=0.05)
        return legalize_unary.run(self.graph("net"))


def _start(seed: int = 1) -> TrainNet:
    net = TrainNet(1, 9, 8, 3, seed=seed)
    net.conv(6)
    return net


def bottleneck() -> Graph:
    """Convolution, depthwise with stride 2, pointwise, and a residual."""
    net = _start()
    net.depthwise(3, stride=2)
    first = net.conv(8, kernel=1)
    net.conv(12, kernel=1)
    net.depthwise(5)
    net.conv(8, kernel=1)
    net.add("add", first, net.last, scale=0.5)
    return net.head()


def clamped() -> Graph:
    """Fused activations, which clamp most outputs."""
    net = _start()
    net.conv(8, activation="relu", stride=2)
    net.conv(8, kernel=1, activation="relu6")
    net.add("requantize", scale=0.1, zero=4)
    return net.head()


def pools() -> Graph:
    net = _start()
    kept = net.like_last()
    net.add("max_pool2d", attrs={**POOL, "kernel": (3, 3), "padding": (1, 1, 1, 1)}, **kept)
    net.add(
        "avg_pool2d", attrs={"kernel": (2, 3), "stride": (1, 2), "padding": (0, 0, 0, 0)}, **kept
    )
    net.add("avg_pool2d", attrs={"kernel": (3, 3), "stride": (1, 1), "padding": (1, 1, 1, 1)},
            scale=0.2, zero=3)  # fmt: skip
    return net.head()


def gated() -> Graph:
    """Squeeze and excitation: mean, two layers, hard sigmoid, a product that repeats."""
    net = _start()
    net.add("unary", attrs={"function": "hard_swish"}, scale=0.2, zero=-90)
    wide = net.last
    net.add("mean", attrs={"axes": (1, 2), "keepdims": True}, scale=0.03)
    net.conv(4, kernel=1)
    net.conv(6, kernel=1)
    net.add("unary", attrs={"function": "hard_sigmoid"}, scale=1 / 256, zero=-128)
    net.add("mul", wide, net.last, scale=0.1, zero=-60)
    return net.head()


def branches() -> Graph:
    """Concatenation, a difference, padding, slices, a transpose and a reshape."""
    net = _start()
    stem, kept = net.last, net.like_last()
    left = net.conv(6, kernel=1)
    right = net.conv(6, source=stem)
    net.add("concat", left, right, attrs={"axis": 3}, scale=0.4, zero=-5)
    net.add("slice", attrs={"begin": (0, 1, 0, 3), "end": (1, 9, 8, 9), "strides": (1, 1, 1, 1)},
            scale=0.4, zero=-5)  # fmt: skip
    net.add("pad", attrs={"padding": (0, 0, 1, 0, 0, 0, 0, 0)}, scale=0.4, zero=-5)
    net.add("sub", net.last, stem, scale=0.5, zero=2)
    net.add("transpose", attrs={"permutation": (0, 2, 1, 3)}, scale=0.5, zero=2)
    net.add("reshape", attrs={"shape": (1, 4, 18, 6)}, scale=0.5, zero=2)
    assert kept
    return net.head()


def grouped() -> Graph:
    """Groups, dilation, asymmetric padding, a depthwise with two filters a channel."""
    net = _start()
    weight = net.weight("grouped", (8, 3, 3, 3), 0)
    attrs: dict[str, Attr] = {
        "groups": 2,
        "dilation": (2, 1),
        "padding": (2, 1, 0, 1),
        "stride": (1, 2),
    }
    net.add("conv2d", net.last, weight, net.bias("grouped_bias", 8), attrs=attrs, scale=0.4)
    weight = net.weight("double", (1, 3, 3, 16), 3)
    attrs = {"padding": (1, 1, 1, 1)}
    net.add(
        "depthwise_conv2d", net.last, weight, net.bias("double_bias", 16), attrs=attrs, scale=0.3
    )
    return net.head()


def smooth(function: str = "silu") -> Graph:
    net = _start()
    net.add("unary", attrs={"function": function, "alpha": 0.1}, scale=0.1, zero=-20)
    net.conv(6, kernel=1)
    return net.head()


def normed() -> Graph:
    """Vectors of each position are normalized, with weights and biases that clamp some values."""
    net = _start()
    for name, low, high in (("norm_weight", 0.5, 1.5), ("norm_bias", -0.5, 0.5)):
        data = net.rng.uniform(low, high, 6).astype(np.float32)
        net.values[name] = Value(name, TensorType((6,), DType.FLOAT32), data)
    step = net.like_last()["scale"] / 6
    attrs: dict[str, Attr] = {"epsilon": 4 * step**2}  # whole in the units of the integer sums
    net.add("layer_norm", net.last, "norm_weight", "norm_bias", attrs=attrs, scale=0.015, zero=5)
    net.conv(8, kernel=1)
    return net.head()


def attention() -> Graph:
    """One head over 72 positions: both products, and the softmax between them."""
    net = _start()
    net.add("reshape", attrs={"shape": (1, 72, 6)}, **net.like_last())
    tokens, made = net.last, []
    for name in ("query", "key", "value"):
        weight = net.weight(name, (6, 6), 0)
        made.append(net.add("linear", tokens, weight, net.bias(f"{name}_bias", 6), scale=0.15))
    net.add("matmul", made[0], made[1], attrs={"transpose_b": True}, scale=0.15, zero=2)
    net.add("softmax", attrs={"beta": 0.5}, scale=1 / 256, zero=-128)
    net.add("matmul", net.last, made[2], scale=0.1, zero=4)
    net.add("add", net.last, tokens, scale=0.5)
    net.add("reshape", attrs={"shape": (1, 9, 8, 6)}, **net.like_last())
    return net.head()


def resized() -> Graph:
    """Twice as large by neighbours' means, then smaller by the nearest pixel."""
    net = _start()
    kept = net.like_last()
    double: dict[str, Attr] = {"size": (18, 16), "mode": "bilinear", "half_pixel_centers": True}
    net.add("resize", attrs=double, **kept)
    net.conv(6, kernel=1)
    net.add("resize", attrs={"size": (6, 8), "mode": "nearest"}, **net.like_last())
    return net.head()


NETWORKS: dict[str, Callable[[], Graph]] = {
    "bottleneck": bottleneck, "clamped": clamped, "pools": pools, "gated": gated,
    "branches": branches, "grouped": grouped, "smooth": smooth, "normed": normed,
    "attention": attention, "resized": resized,
}  # fmt: skip


def wrong_class(graph: Graph, x: np.ndarray) -> int:
    """A class that the network does not choose, so that its loss is not 0."""
    scores = run(graph, [x])[graph.outputs[0]].reshape(-1)
    return (int(scores.argmax()) + 1) % scores.size


def image(graph: Graph, seed: int = 0) -> np.ndarray:
    shape = graph.type(graph.inputs[0]).shape
    return np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
