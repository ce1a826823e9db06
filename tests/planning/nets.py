"""Int8 graphs made by hand for the planner: shapes matter, weights do not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes
from tests.models.stages import MCUNET_5FPS, MOBILENET_V1, MOBILENET_V2, scaled

Q = Quantization.per_tensor(0.5, 0)
PROBABILITY = Quantization.per_tensor(1 / 256, -128)


@dataclass
class Net:
    """Builds a graph node by node; methods return the name of the value they make.

    Weights are small random numbers from a fixed seed.
    """

    name: str = "net"
    inputs: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def input(self, *shape: int) -> str:
        name = f"x{len(self.inputs)}"
        self.values[name] = Value(name, TensorType(shape, DType.INT8, Q))
        self.inputs.append(name)
        return name

    def constant(self, *shape: int) -> str:
        name = f"c{len(self.values)}"
        fan_in = math.prod(shape[1:3] if shape[0] == 1 else shape[1:])
        quantization = Quantization.per_tensor(0.55 / math.sqrt(fan_in), 0)
        data = self.rng.integers(-3, 4, shape).astype(np.int8)
        self.values[name] = Value(name, TensorType(shape, DType.INT8, quantization), data)
        return name

    def node(self, op: str, *inputs: str, quantization: Quantization = Q, **attrs: Attr) -> str:
        """An int8 operator."""
        name = f"{op}{len(self.nodes)}"
        node = Node(name, op, inputs, (f"t{len(self.nodes)}",), attrs)
        draft = Graph(self.name, tuple(self.inputs), (), (), self.values)
        [shape] = infer_shapes(draft, node)
        self.values[node.output] = Value(node.output, TensorType(shape, DType.INT8, quantization))
        self.nodes.append(node)
        return node.output

    def shape(self, name: str) -> tuple[int, ...]:
        return self.values[name].type.shape

    def same(self, x: str, kernel: tuple[int, int], stride: tuple[int, int]) -> tuple[int, ...]:
        """TensorFlow's SAME padding: top, bottom, left, right."""
        pads = []
        for size, k, s in zip(self.shape(x)[1:3], kernel, stride, strict=True):
            total = max((-(-size // s) - 1) * s + k - size, 0)
            pads += [total // 2, total - total // 2]
        return tuple(pads)

    def conv(
        self,
        x: str,
        channels: int,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, ...] | None = None,
    ) -> str:
        weight = self.constant(channels, *kernel, self.shape(x)[3])
        padding = self.same(x, kernel, stride) if padding is None else padding
        return self.node("conv2d", x, weight, stride=stride, padding=padding)

    def depthwise(
        self,
        x: str,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, ...] | None = None,
    ) -> str:
        weight = self.constant(1, *kernel, self.shape(x)[3])
        padding = self.same(x, kernel, stride) if padding is None else padding
        return self.node("depthwise_conv2d", x, weight, stride=stride, padding=padding)

    def pointwise(self, x: str, channels: int) -> str:
        return self.conv(x, channels, (1, 1))

    def linear(self, x: str, features: int) -> str:
        return self.node("linear", x, self.constant(features, self.shape(x)[-1]))

    def softmax(self, x: str) -> str:
        return self.node("softmax", x, quantization=PROBABILITY)

    def pool(self, x: str) -> str:
        """The global average, [1, C]."""
        return self.node("mean", x, axes=(1, 2), keepdims=False)

    def graph(self, *outputs: str) -> Graph:
        return Graph(
            self.name,
            tuple(self.inputs),
            outputs,
            tuple(self.nodes),
            dict(self.values),
            Rounding.TFLITE,
        )


def ad() -> Graph:
    """The MLPerf Tiny autoencoder."""
    net = Net("ad")
    x = net.input(1, 640)
    for features in (128, 128, 128, 128, 8, 128, 128, 128, 128, 640):
        x = net.linear(x, features)
    return net.graph(x)


def kws() -> Graph:
    """The MLPerf Tiny DS-CNN."""
    net = Net("kws")
    x = net.conv(net.input(1, 49, 10, 1), 64, (10, 4), (2, 2))
    for _ in range(4):
        x = net.pointwise(net.depthwise(x), 64)
    return net.graph(net.softmax(net.linear(net.pool(x), 12)))


def vww() -> Graph:
    """MobileNet-v1 0.25 on 96x96."""
    net = Net("vww")
    x = net.conv(net.input(1, 96, 96, 3), 8, (3, 3), (2, 2))
    for channels, stride in MOBILENET_V1:
        x = net.pointwise(net.depthwise(x, stride=(stride, stride)), scaled(channels, 0.25))
    return net.graph(net.softmax(net.linear(net.pool(x), 2)))


def resnet() -> Graph:
    """The MLPerf Tiny ResNet-8."""
    net = Net("resnet")
    x = net.conv(net.input(1, 32, 32, 3), 16)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        y = net.conv(net.conv(x, channels, stride=(stride, stride)), channels)
        shortcut = x if stride == 1 else net.conv(x, channels, (1, 1), (stride, stride))
        x = net.node("add", shortcut, y)
    return net.graph(net.softmax(net.linear(net.pool(x), 10)))


def mobilenet_v2(size: int = 96) -> Graph:
    """MobileNet-v2 0.35."""
    net = Net("mobilenet_v2")
    x = net.conv(net.input(1, size, size, 3), 16, (3, 3), (2, 2))
    for _, expand, channels, repeats, first in MOBILENET_V2:
        for repeat in range(repeats):
            stride = first if repeat == 0 else 1
            wide = net.pointwise(x, expand * net.shape(x)[3]) if expand > 1 else x
            y = net.pointwise(net.depthwise(wide, stride=(stride, stride)), scaled(channels, 0.35))
            x = net.node("add", x, y) if net.shape(x) == net.shape(y) else y
    x = net.pool(net.pointwise(x, 1280))
    return net.graph(net.linear(x, 1000))


def mcunet() -> Graph:
    """MCUNet-5fps (Lin et al., 2020) on 128x128, with ten classes."""
    net = Net("mcunet")
    x = net.conv(net.input(1, 128, 128, 3), 16, stride=(2, 2), padding=(1, 0, 1, 0))
    for wide, kernel, stride, channels in MCUNET_5FPS:
        y = net.pointwise(x, wide) if wide else x
        half = kernel // 2
        padding = (half, half - (stride > 1), half, half - (stride > 1))
        y = net.depthwise(y, (kernel, kernel), (stride, stride), padding)
        y = net.pointwise(y, channels)
        x = net.node("add", y, x) if net.shape(x) == net.shape(y) else y
    return net.graph(net.linear(net.pool(x), 10))
