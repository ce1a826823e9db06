"""MobileNet-v1 and -v2 (width 1, 224x224, 1000 classes) as int8 files that every runtime reads.

Seeded weights, quantized by Edge. The same integers and scales go into a .tflite file and an .onnx
file (quantize/dequantize pairs). Both take and give float32: LiteRT.js has no int8 tensors.
Padding is that of TensorFlow: SAME, which at stride 2 adds a row and a column after the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

import edge
from edge.frontends import load
from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.ir.shapes import ints
from tests.frontends.tflite_builder import Operator, Tensor, build_model, constant
from tests.models.mobilenet_v1 import MobileNetV1
from tests.models.mobilenet_v2 import MobileNetV2
from tests.models.seeded import seeded

SIZE, CLASSES = 224, 1000
MODELS = {"v1": lambda: MobileNetV1(1.0, CLASSES), "v2": lambda: MobileNetV2(1.0, CLASSES)}


def image(seed: int) -> np.ndarray[Any, Any]:
    """float32[1, 224, 224, 3]: smooth noise, as photographs are smoother than white noise."""
    small = np.random.default_rng(seed).standard_normal((1, 56, 56, 3))
    return small.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)


def int8_graph(
    name: str, change: Callable[[nn.Module], None] | None = None, activation_bits: int = 8
) -> Graph:
    """The quantized network, with an int8 NHWC input; `change` is done to the float one."""
    module = seeded(MODELS[name])
    if change is not None:
        change(module)
    sample = torch.from_numpy(image(0).transpose(0, 3, 1, 2).copy())
    graph = load(torch.export.export(module, (sample,))).graph
    calibration = [(image(seed).transpose(0, 3, 1, 2),) for seed in range(4)]
    graph = edge.quantize(graph, calibration, activation_bits=activation_bits, progress=False)
    return replace(graph, nodes=tuple(padded_after(node) for node in graph.nodes))


def padded_after(node: Node) -> Node:
    if node.attrs.get("stride") != (2, 2) or node.attrs.get("padding") != (1, 1, 1, 1):
        return node
    return replace(node, attrs={**node.attrs, "padding": (0, 1, 0, 1)})


def tflite(graph: Graph) -> bytes:
    """The graph as a .tflite file between QUANTIZE and DEQUANTIZE."""
    source, result = graph.inputs[0], graph.outputs[0]
    tensors = [_tensor(graph, name) for name in used(graph)]
    tensors += [
        Tensor("input", graph.type(source).shape, "float32"),
        Tensor("output", graph.type(result).shape, "float32"),
    ]
    operators = [Operator("QUANTIZE", ("input",), (source,))]
    for node in graph.nodes:
        made, extra = operator(graph, node)
        operators.append(made)
        tensors += extra
    operators.append(Operator("DEQUANTIZE", (result,), ("output",)))
    return build_model(tensors, operators, ("input",), ("output",))


def used(graph: Graph) -> list[str]:
    names = [*graph.inputs, *(n for node in graph.nodes for n in (*node.inputs, node.output))]
    return [name for name in dict.fromkeys(names) if name]


def _tensor(graph: Graph, name: str) -> Tensor:
    kind = graph.type(name)
    quantization = kind.quantization
    if not graph.is_constant(name):
        assert quantization is not None
        return Tensor(name, kind.shape, "int8", quantization.scale[0], quantization.zero_point[0])
    if quantization is not None:
        scale = quantization.scale
        return constant(name, graph.constant(name), scale, 0, quantization.axis or 0)
    return constant(name, graph.constant(name), _bias_scale(graph, name), 0)


def _bias_scale(graph: Graph, name: str) -> list[float]:
    """Scale of the input times that of the weights, as the format asks for."""
    node = next(node for node in graph.nodes if name in node.inputs[2:])
    x, w = (graph.type(n).quantization for n in node.inputs[:2])
    assert x is not None
    assert w is not None
    return [x.scale[0] * scale for scale in w.scale]


_ACTIVATION = {"none": 0, "relu": 1, "relu6": 3}


def operator(graph: Graph, node: Node) -> tuple[Operator, list[Tensor]]:
    attrs = attributes(node)
    activation = {"fusedActivationFunction": _ACTIVATION[str(attrs.get("activation", "none"))]}
    if node.op in ("conv2d", "depthwise_conv2d"):
        height, width = ints(attrs, "stride")
        options = {"strideH": height, "strideW": width, "padding": 0, **activation}
        names = {"conv2d": "CONV_2D", "depthwise_conv2d": "DEPTHWISE_CONV_2D"}
        if node.op == "depthwise_conv2d":
            options["depthMultiplier"] = 1
        return Operator(names[node.op], node.inputs, node.outputs, options), []
    if node.op == "linear":
        return Operator("FULLY_CONNECTED", node.inputs, node.outputs, activation), []
    if node.op == "mean":
        axes = constant(f"{node.name}.axes", np.array(attrs["axes"], np.int32))
        return Operator("MEAN", (node.inputs[0], axes.name), node.outputs, {}), [axes]
    assert node.op == "add"
    return Operator("ADD", node.inputs, node.outputs, activation), []


def onnx(graph: Graph) -> bytes:
    """The graph as an .onnx file, NCHW, in which every tensor is quantized and dequantized.

    Activation functions are left out: the range of the quantized tensor is theirs.
    """

    def compute(draft: OnnxDraft, graph: Graph, node: Node) -> str:
        draft.quantized(graph, draft.compute(graph, node), node.output)
        return node.output

    return onnx_model(graph, compute)


def onnx_model(graph: Graph, compute: Callable[[OnnxDraft, Graph, Node], str]) -> bytes:
    """An .onnx file, float32 in and out; `compute` adds an operator and names its result."""
    from onnx import TensorProto, checker, helper

    draft = OnnxDraft()
    source, result = graph.inputs[0], graph.outputs[0]
    if graph.type(source).quantization is not None:
        draft.quantized(graph, "input", source)
    else:
        draft.node("Identity", ["input"], source)
    for node in graph.nodes:
        compute(draft, graph, node)
    _, height, width, channels = graph.type(source).shape
    shapes = {"input": [1, channels, height, width], "output": list(graph.type(result).shape)}
    ports = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()}
    draft.nodes[-1].output[0] = "output"
    made = helper.make_graph(
        draft.nodes, "mobilenet", [ports["input"]], [ports["output"]], draft.constants
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


class OnnxDraft:
    """Nodes and constants of a growing ONNX graph; values keep the names of the int8 graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, data: np.ndarray[Any, Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(data, name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attrs: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, [output], name=f"{op}:{output}", **attrs))
        return output

    def quantized(self, graph: Graph, source: str, name: str) -> None:
        """Quantize a float value and dequantize it under the name."""
        quantization = graph.type(name).quantization
        assert quantization is not None
        scale = self.constant(f"{name}.scale", np.float32(quantization.scale[0]).reshape(()))
        zero = self.constant(f"{name}.zero", np.int8(quantization.zero_point[0]).reshape(()))
        stored = self.node("QuantizeLinear", [source, scale, zero], f"{name}.int8")
        self.node("DequantizeLinear", [stored, scale, zero], name)

    def weights(self, graph: Graph, name: str, data: np.ndarray[Any, Any], scale: Any) -> str:
        """Constants with one scale a channel of their first axis."""
        stored = self.constant(f"{name}.int", np.ascontiguousarray(data))
        scales = self.constant(f"{name}.scales", np.asarray(scale, np.float32))
        zeros = self.constant(f"{name}.zeros", np.zeros(len(data), data.dtype))
        return self.node("DequantizeLinear", [stored, scales, zeros], name, axis=0)

    def compute(self, graph: Graph, node: Node) -> str:
        """The float result of an operator."""
        made = f"{node.output}.float"
        if node.op == "add":
            return self.node("Add", list(node.inputs), made)
        if node.op == "mean":
            pooled = self.node("GlobalAveragePool", list(node.inputs), f"{made}.pooled")
            return self.node("Flatten", [pooled], made)
        x, w, b = node.inputs
        quantization = graph.type(w).quantization
        assert quantization is not None
        axes = {"conv2d": (0, 3, 1, 2), "depthwise_conv2d": (3, 0, 1, 2), "linear": (0, 1)}[node.op]
        weight = graph.constant(w).astype(np.int8).transpose(axes)
        inputs = [
            x,
            self.weights(graph, w, weight, quantization.scale),
            self.weights(graph, b, graph.constant(b).astype(np.int32), _bias_scale(graph, b)),
        ]
        if node.op == "linear":
            return self.node("Gemm", inputs, made, transB=1)
        top, bottom, left, right = ints(attributes(node), "padding")
        return self.node(
            "Conv", inputs, made, pads=[top, left, bottom, right],
            strides=list(ints(attributes(node), "stride")),
            group=len(weight) if node.op == "depthwise_conv2d" else 1,
        )  # fmt: skip
