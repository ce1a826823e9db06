"""MCUNet-5FPS, a trained int8 network for 128x128 images, where the checkout has it beside it.

Structure and constants come from mcunet-5fps.json and .npz (mit-han-lab/tiny-training, MIT). The
head is left as it is: 1,000 classes, one 1x1 convolution on the pooled features.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes
from edge.ir.types import Array

FOLDER = Path(__file__).parents[3] / "shared" / "models" / "mcunet-5fps"
needed = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the model in {FOLDER}")
_INT32 = 2**31 - 1


class _Net:
    """The graph under construction."""

    def __init__(self) -> None:
        self.arrays = np.load(FOLDER / "mcunet-5fps.npz")
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []

    def activation(self, name: str, shape: tuple[int, ...], scale: float, zero: int) -> str:
        tensor = TensorType(shape, DType.INT8, Quantization.per_tensor(scale, zero))
        self.values[name] = Value(name, tensor)
        return name

    def node(
        self, op: str, name: str, inputs: tuple[str, ...], scale: float, zero: int, **attrs: Attr
    ) -> str:
        node = Node(name, op, inputs, (f"{name}_out",), attrs)
        (shape,) = infer_shapes(Graph("net", (), (), (node,), self.values), node)
        self.nodes.append(node)
        return self.activation(node.output, shape, scale, zero)

    def conv(self, key: str, layer: Mapping[str, Any], x: str) -> str:
        """A convolution with padding kernel // 2, pointwise, depthwise or full."""
        params, name = layer["params"], key.replace("/", "_")
        weight = self.arrays[f"{key}/params/weight"]
        depthwise = layer["groups"] > 1
        moved = weight.transpose(1, 2, 3, 0) if depthwise else weight.transpose(0, 2, 3, 1)
        scales = tuple(float(s) for s in self.arrays[f"{key}/params/w_scales"])
        quantization = Quantization(scales, (0,) * len(scales), 3 if depthwise else 0)
        stored = np.ascontiguousarray(moved)
        self._constant(f"{name}_weight", stored, DType.INT8, quantization)
        bias = _safe_bias(weight, self.arrays[f"{key}/params/bias"], params["x_zero"])
        self._constant(f"{name}_bias", bias, DType.INT32, None)
        op = "depthwise_conv2d" if depthwise else "conv2d"
        inputs = (x, f"{name}_weight", f"{name}_bias")
        stride, pad = (layer["stride"],) * 2, (layer["kernel_size"][0] // 2,) * 4
        return self.node(
            op, name, inputs, params["y_scale"], params["y_zero"], stride=stride, padding=pad
        )

    def _constant(
        self, name: str, data: Array, dtype: DType, quantization: Quantization | None
    ) -> None:
        self.values[name] = Value(name, TensorType(data.shape, dtype, quantization), data)


def _safe_bias(weight: Array, bias: Array, zero: int) -> Array:
    """Biases of a few dead channels lie at the ends of int32; clamping keeps every block output."""
    sums = weight.reshape(len(weight), -1).astype(np.int64)
    room = _INT32 - 128 * np.abs(sums).sum(1) - np.abs(zero * sums.sum(1))
    return np.clip(bias.astype(np.int64), -room, room).astype(np.int32)


def mcunet() -> Graph:
    """The integer graph with `single` rounding: input x int8[1, 128, 128, 3], 1,000 scores."""
    structure = json.loads((FOLDER / "mcunet-5fps.json").read_text())
    net = _Net()
    x = net.activation("x", (1, 128, 128, 3), 1 / 127.5, 0)
    x = net.conv("first_conv", structure["first_conv"], x)
    for index, block in enumerate(structure["blocks"]):
        entry = x
        for part in ("pointwise1", "depthwise", "pointwise2"):
            if block[part]:
                x = net.conv(f"blocks/{index}/{part}", block[part], x)
        if block["residual"]:
            params = block["residual"]["params"]
            x = net.node("add", f"sum_{index}", (x, entry), params["y_scale"], params["y_zero"])
    head = structure["classifier"]
    kernel: dict[str, Attr] = {"kernel": (4, 4), "stride": (1, 1), "padding": (0, 0, 0, 0)}
    pooled = net.values[x].type.quantization
    assert pooled is not None
    x = net.node("avg_pool2d", "pool", (x,), pooled.scale[0], pooled.zero_point[0], **kernel)
    x = net.conv("classifier", head, x)
    return check(Graph("mcunet", ("x",), (x,), tuple(net.nodes), net.values, Rounding.SINGLE))
