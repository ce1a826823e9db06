"""The de-quantized graph in torch, float64: rounding passes gradients, clamps stop them.

Values are stored integers; autograd gives the gradient of the loss with respect to each weight and
bias as stored. Shares no code with edge.training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.ir.types import Array
from edge.quantization.stored import activation_range

torch.set_num_threads(1)
Tensor = torch.Tensor


@dataclass
class Oracle:
    """`parameters` by layer: (weight, bias), leaves that require gradients; `values` by name.

    `followed` are the integers that every activation must have, if they are known.
    """

    graph: Graph
    followed: Mapping[str, Array] | None
    parameters: dict[str, tuple[Tensor, Tensor]]
    values: dict[str, Tensor]

    def compute(self, node: Node) -> None:
        """Add the output of a node to the values."""
        self.values[node.output] = _OPS[node.op](self, node)

    def affine(self, name: str) -> tuple[float, int]:
        quantization = self.graph.type(name).quantization
        assert quantization is not None
        return quantization.scale[0], quantization.zero_point[0]

    def real(self, name: str) -> Tensor:
        scale, zero = self.affine(name)
        return (self.values[name] - zero) * scale

    def stored(self, node: Node, real: Tensor, slack: float = 1e-5) -> Tensor:
        """Quantize: round (straight through), then clamp.

        What is within `slack` of a half may be rounded either way; there the integers of the
        graph's own arithmetic hold.
        """
        scale, zero = self.affine(node.output)
        exact = real / scale + zero
        rounded = exact + (torch.round(exact) - exact).detach()
        clamped = rounded.clamp(*activation_range(self.graph, node))
        if self.followed is None:
            return clamped
        stored = torch.tensor(self.followed[node.output].astype(np.float64))
        is_half = (exact - torch.floor(exact) - 0.5).abs() < slack
        assert torch.equal(torch.where(is_half, stored, clamped), stored), node.name
        return clamped + (stored - clamped).detach()


def run(
    graph: Graph, x: Array, followed: Mapping[str, Array], label: int, loss: str = "cross_entropy"
) -> Oracle:
    """Forward and backward; `loss` "squared_error" takes 0 in stored units as its target."""
    oracle = Oracle(graph, followed, {}, {})
    for name, value in graph.values.items():
        if value.data is not None:
            oracle.values[name] = torch.tensor(value.data.astype(np.float64))
    oracle.values[graph.inputs[0]] = torch.tensor(x.astype(np.float64), requires_grad=True)
    for node in graph.nodes:
        oracle.compute(node)
    output = graph.outputs[0]
    scores = oracle.real(output).reshape(1, -1)
    if loss == "cross_entropy":
        F.cross_entropy(scores, torch.tensor([label])).backward()
    else:
        target = torch.full_like(scores, -oracle.affine(output)[1] * oracle.affine(output)[0])
        F.mse_loss(scores, target).backward()
    return oracle


def _nchw(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _nhwc(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _padded(node: Node, x: Tensor, value: float = 0.0) -> Tensor:
    top, bottom, left, right = attributes(node)["padding"]
    return F.pad(x, (left, right, top, bottom), value=value)


def _layer(oracle: Oracle, node: Node) -> Tensor:
    graph = oracle.graph
    if node.name not in oracle.parameters:
        oracle.parameters[node.name] = _leaves(oracle, node)
    weight, bias = oracle.parameters[node.name]
    in_scale, in_zero = oracle.affine(node.inputs[0])
    quantization = graph.type(node.inputs[1]).quantization
    assert quantization is not None
    scales = torch.tensor(quantization.scale, dtype=weight.dtype) * in_scale
    centered = oracle.values[node.inputs[0]] - in_zero
    return oracle.stored(node, (_SUMS[node.op](node, centered, weight) + bias) * scales)


def _leaves(oracle: Oracle, node: Node) -> tuple[Tensor, Tensor]:
    weight = oracle.values[node.inputs[1]].clone().requires_grad_()
    channels = oracle.graph.type(node.output).shape[-1]
    has_bias = len(node.inputs) > 2 and node.inputs[2]
    bias = oracle.values[node.inputs[2]].clone() if has_bias else torch.zeros(channels).double()
    return weight, bias.requires_grad_()


def _conv2d(node: Node, x: Tensor, weight: Tensor) -> Tensor:
    attrs = attributes(node)
    sums = F.conv2d(
        _padded(node, _nchw(x)), weight.permute(0, 3, 1, 2), None, attrs["stride"], 0,
        attrs["dilation"], attrs["groups"],
    )  # fmt: skip
    return _nhwc(sums)


def _depthwise(node: Node, x: Tensor, weight: Tensor) -> Tensor:
    attrs = attributes(node)
    sums = F.conv2d(
        _padded(node, _nchw(x)), weight.permute(3, 0, 1, 2), None, attrs["stride"], 0,
        attrs["dilation"], x.shape[3],
    )  # fmt: skip
    return _nhwc(sums)


_SUMS: dict[str, Callable[[Node, Tensor, Tensor], Tensor]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "linear": lambda node, x, weight: F.linear(x, weight),
}


def _avg_pool2d(oracle: Oracle, node: Node) -> Tensor:
    attrs = attributes(node)
    sums, counts = (
        F.avg_pool2d(_padded(node, _nchw(t)), attrs["kernel"], attrs["stride"])
        for t in (oracle.real(node.inputs[0]), torch.ones_like(oracle.real(node.inputs[0])))
    )
    return oracle.stored(node, _nhwc(sums / counts))


def _max_pool2d(oracle: Oracle, node: Node) -> Tensor:
    attrs = attributes(node)
    x = _padded(node, _nchw(oracle.values[node.inputs[0]]), -1e9)
    return _nhwc(F.max_pool2d(x, attrs["kernel"], attrs["stride"]))


def _mean(oracle: Oracle, node: Node) -> Tensor:
    attrs = attributes(node)
    return oracle.stored(node, oracle.real(node.inputs[0]).mean(attrs["axes"], attrs["keepdims"]))


_FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "hard_swish": F.hardswish, "hard_sigmoid": F.hardsigmoid, "sigmoid": torch.sigmoid,
    "tanh": torch.tanh, "silu": F.silu, "gelu": F.gelu, "relu": F.relu, "relu6": F.relu6,
    "elu": F.elu, "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}  # fmt: skip


def _layer_norm(oracle: Oracle, node: Node) -> Tensor:
    """The integers of the graph's own arithmetic hold, which rounds the normalized values first."""
    weight, bias = (oracle.values[name] for name in node.inputs[1:3])
    x = oracle.real(node.inputs[0])
    epsilon = attributes(node)["epsilon"]
    real = F.layer_norm(x, (x.shape[-1],), weight, bias, epsilon)
    return oracle.stored(node, real, slack=0.02)


def _lookup(oracle: Oracle, node: Node) -> Tensor:
    source = str(attributes(node)["source"])
    return oracle.stored(node, _FUNCTIONS[source](oracle.real(node.inputs[0])))


def _slice(oracle: Oracle, node: Node) -> Tensor:
    attrs = attributes(node)
    cuts = zip(attrs["begin"], attrs["end"], attrs["strides"], strict=True)
    return oracle.values[node.inputs[0]][tuple(slice(*cut) for cut in cuts)]


def _pad(oracle: Oracle, node: Node) -> Tensor:
    flat = attributes(node)["padding"]
    pairs = [flat[2 * i : 2 * i + 2] for i in range(len(flat) // 2)]
    zero = oracle.affine(node.output)[1]
    return F.pad(oracle.values[node.inputs[0]], [n for p in pairs[::-1] for n in p], value=zero)


def _real2(oracle: Oracle, node: Node) -> tuple[Tensor, Tensor]:
    return oracle.real(node.inputs[0]), oracle.real(node.inputs[1])


def _matmul(oracle: Oracle, node: Node) -> Tensor:
    a, b = _real2(oracle, node)
    return oracle.stored(node, a @ (b.transpose(-1, -2) if attributes(node)["transpose_b"] else b))


def _softmax(oracle: Oracle, node: Node) -> Tensor:
    scaled = oracle.real(node.inputs[0]) * attributes(node)["beta"]
    return oracle.stored(node, torch.softmax(scaled, -1), slack=0.01)


def _resize(oracle: Oracle, node: Node) -> Tensor:
    attrs = attributes(node)
    x = _nchw(oracle.real(node.inputs[0]))
    mode = str(attrs["mode"])
    even = {} if mode == "nearest" else {"align_corners": attrs["align_corners"]}
    return oracle.stored(node, _nhwc(F.interpolate(x, attrs["size"], mode=mode, **even)))


_OPS: dict[str, Callable[[Oracle, Node], Tensor]] = {
    "conv2d": _layer,
    "depthwise_conv2d": _layer,
    "linear": _layer,
    "add": lambda o, n: o.stored(n, torch.add(*_real2(o, n))),
    "sub": lambda o, n: o.stored(n, torch.sub(*_real2(o, n))),
    "mul": lambda o, n: o.stored(n, torch.mul(*_real2(o, n))),
    "matmul": _matmul,
    "softmax": _softmax,
    "resize": _resize,
    "requantize": lambda o, n: o.stored(n, o.real(n.inputs[0])),
    "avg_pool2d": _avg_pool2d,
    "max_pool2d": _max_pool2d,
    "mean": _mean,
    "layer_norm": _layer_norm,
    "lookup": _lookup,
    "concat": lambda o, n: torch.cat([o.values[i] for i in n.inputs], attributes(n)["axis"]),
    "reshape": lambda o, n: o.values[n.inputs[0]].reshape(attributes(n)["shape"]),
    "transpose": lambda o, n: o.values[n.inputs[0]].permute(attributes(n)["permutation"]),
    "slice": _slice,
    "pad": _pad,
}
