"""Small int8 graphs made by hand, for tests that need a model but no front end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes


class Net:
    """Adds one node after another; every output gets a scale that keeps values spread out."""

    def __init__(self, *shape: int, rounding: Rounding = Rounding.SINGLE, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.rounding = rounding
        self.last = self._activation("x", shape, 0.05, 3)

    def _activation(self, name: str, shape: tuple[int, ...], scale: float, zero: int) -> str:
        tensor = TensorType(shape, DType.INT8, Quantization.per_tensor(np.float32(scale), zero))
        self.values[name] = Value(name, tensor)
        return name

    def weight(self, name: str, shape: tuple[int, ...], axis: int) -> str:
        """int8 weights, one scale a channel along `axis`."""
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = tuple(float(s) for s in self.rng.uniform(0.002, 0.01, shape[axis]))
        quantization = Quantization(scales, (0,) * len(scales), axis)
        self.values[name] = Value(name, TensorType(shape, DType.INT8, quantization), data)
        return name

    def bias(self, name: str, channels: int) -> str:
        data = self.rng.integers(-2000, 2000, channels).astype(np.int32)
        self.values[name] = Value(name, TensorType((channels,), DType.INT32), data)
        return name

    def add(
        self,
        op: str,
        *inputs: str,
        attrs: Mapping[str, Attr] | None = None,
        scale: float = 0.05,
        zero: int = -5,
    ) -> str:
        """A node that reads `inputs` (the latest value by default); returns its output."""
        name = f"{op}_{len(self.nodes)}"
        node = Node(name, op, inputs or (self.last,), (f"{name}_out",), attrs or {})
        graph = Graph("net", ("x",), (), (node,), self.values)
        (shape,) = infer_shapes(graph, node)
        self.last = self._activation(node.output, shape, scale, zero)
        self.nodes.append(node)
        return self.last

    def conv(
        self, channels: int, kernel: int = 3, *, stride: int = 1, source: str = "", **attrs: Attr
    ) -> str:
        """A convolution with padding kernel // 2."""
        x = source or self.last
        index, inputs = len(self.nodes), self.values[x].type.shape[3]
        weight = self.weight(f"w{index}", (channels, kernel, kernel, inputs), 0)
        window: dict[str, Attr] = {"stride": (stride, stride), "padding": (kernel // 2,) * 4}
        return self.add("conv2d", x, weight, self.bias(f"b{index}", channels),
                        attrs={**window, **attrs}, scale=0.4)  # fmt: skip

    def depthwise(self, kernel: int = 3, *, stride: int = 1) -> str:
        x, index = self.last, len(self.nodes)
        channels = self.values[x].type.shape[3]
        weight = self.weight(f"w{index}", (1, kernel, kernel, channels), 3)
        attrs: dict[str, Attr] = {"stride": (stride, stride), "padding": (kernel // 2,) * 4}
        return self.add("depthwise_conv2d", x, weight, self.bias(f"b{index}", channels),
                        attrs=attrs, scale=0.2)  # fmt: skip

    def graph(self, name: str = "net") -> Graph:
        """The finished graph; its output is the latest value."""
        return check(
            Graph(name, ("x",), (self.last,), tuple(self.nodes), self.values, self.rounding)
        )


def residual_net(rounding: Rounding = Rounding.SINGLE) -> Graph:
    """Every kind of layer once: convolutions, depthwise, a residual, pools, linear, softmax."""
    net = Net(1, 12, 11, 3, rounding=rounding)
    first = net.conv(8, stride=2)
    net.depthwise()
    net.conv(8, kernel=1)
    second = net.conv(8)
    net.add("add", first, second, attrs={"activation": "relu"})
    kept = net.values[net.last].type.quantization
    assert kept is not None
    pool: dict[str, Attr] = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0, 0, 0)}
    net.add("max_pool2d", attrs=pool, scale=kept.scale[0], zero=kept.zero_point[0])
    net.add("avg_pool2d", attrs={"kernel": (3, 3), "stride": (1, 1), "padding": (0,) * 4},
            scale=kept.scale[0], zero=kept.zero_point[0])  # fmt: skip
    pooled = net.values[net.last].type
    net.add("reshape", attrs={"shape": (1, pooled.elements)},
            scale=kept.scale[0], zero=kept.zero_point[0])  # fmt: skip
    weight = net.weight("fc", (10, pooled.elements), 0)
    net.add("linear", net.last, weight, net.bias("fc_bias", 10), scale=0.3)
    net.add("softmax", scale=1 / 256, zero=-128)
    return net.graph("residual_net")
