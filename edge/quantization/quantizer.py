"""EdgeQuantizer: what Edge's kernels want, said in PT2E's terms.

Weights are int8 per output channel, symmetric in -127..127; activations int8 per tensor,
asymmetric. A tensor is observed only where the device stores it: a convolution or linear layer
with the batch norm and clamp behind it is one operator, and moves keep the scale of their input.
Import this module only where torch is wanted: it imports torch and torchao.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.fx import GraphModule, Node

from edge.quantization.expand_attention import expand_attention
from edge.silence import silenced

with silenced():
    from torchao.quantization.pt2e.fake_quantize import (
        FakeQuantize,
        FusedMovingAvgObsFakeQuantize,
    )
    from torchao.quantization.pt2e.observer import (
        HistogramObserver,
        MovingAverageMinMaxObserver,
        MovingAveragePerChannelMinMaxObserver,
        PerChannelMinMaxObserver,
    )
    from torchao.quantization.pt2e.quantizer import (
        FixedQParamsQuantizationSpec,
        QuantizationAnnotation,
        QuantizationSpec,
        Quantizer,
        SharedQuantizationSpec,
    )

_WEIGHTED = {"conv1d", "conv2d", "convolution", "linear"}
_TRANSPOSED = {"conv_transpose1d", "conv_transpose2d"}
_NORMS = {"batch_norm"}
_CLAMPS = {"relu", "relu6", "hardtanh", "clamp"}
_BINARY = {"add", "sub", "rsub", "mul", "div"}
_RESCALING = {
    "mean", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "upsample_bilinear2d", "hardswish", "hardsigmoid", "leaky_relu", "elu", "gelu", "silu", "exp",
    "log", "sqrt", "rsqrt", "abs", "neg", "square", "pow", "matmul", "bmm", "layer_norm",
}  # fmt: skip
_MOVES = {
    "flatten", "view", "reshape", "unflatten", "permute", "transpose", "squeeze", "unsqueeze",
    "max_pool1d", "max_pool2d", "slice", "select", "narrow", "pad", "upsample_nearest2d",
    "contiguous", "clone", "alias", "dropout", "chunk", "split", "split_with_sizes", "unbind",
}  # fmt: skip
_SEVERAL_RESULTS = {"chunk", "split", "split_with_sizes", "unbind"}
_ANNOTATION = "quantization_annotation"
_SMALLEST_SCALE = 2**-24

# What LiteRT and edge.quantization.sharing give these bounded functions.
_UNIT = FixedQParamsQuantizationSpec(torch.int8, 1 / 256, -128, -128, 127, torch.per_tensor_affine)
_SIGNED_UNIT = FixedQParamsQuantizationSpec(
    torch.int8, 1 / 128, 0, -128, 127, torch.per_tensor_affine
)
_FIXED = {"softmax": _UNIT, "sigmoid": _UNIT, "tanh": _SIGNED_UNIT}


class EdgeQuantizer(Quantizer):  # type: ignore[misc]  # torchao has no types
    """Annotates an exported module for prepare_pt2e, or with `qat` for prepare_qat_pt2e.

    Operators that it does not know stay in float; `edge.quantization.qdq.absorb_qdq` names them.
    """

    def __init__(self, *, qat: bool = False) -> None:
        self._activation = _activation_spec(qat)
        self._weight, self._transposed = _weight_spec(qat, 0), _weight_spec(qat, 1)

    def annotate(self, model: GraphModule) -> GraphModule:
        for node in model.graph.nodes:
            if node.op == "call_function" and _is_float(node) and _ANNOTATION not in node.meta:
                self._annotate(node)
        return model

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        return expand_attention(model)

    def validate(self, model: GraphModule) -> None:
        """Nothing to check: annotations come from one table and cannot conflict."""

    def _annotate(self, node: Node) -> None:
        name = _name(node)
        if name in _WEIGHTED:
            self._weighted(node, self._weight)
        elif name in _TRANSPOSED:
            self._weighted(node, self._transposed)
        elif name in _BINARY:
            self._rescaling(node, _clamp_behind(node))
        elif name in _FIXED:
            _set(node, self._inputs(node), _FIXED[name])
        elif name in _MOVES:
            self._move(node)
        elif name == "cat":
            self._concat(node)
        elif name in _RESCALING | _CLAMPS | _NORMS:
            self._rescaling(node, node)

    def _weighted(self, node: Node, spec: Any) -> None:
        """Bias stays float: its scale follows from the input's and the weight's."""
        x, weight = node.args[:2]
        last = _last_fused(node)
        _set(node, {x: self._edge(x), weight: spec})
        for fused in _between(node, last):
            _set(fused, {})
        _set(last, _annotation(last).input_qspec_map if last is node else {}, self._activation)

    def _rescaling(self, node: Node, last: Node) -> None:
        _set(node, self._inputs(node))
        _set(last, self._inputs(node) if last is node else {}, self._activation)

    def _move(self, node: Node) -> None:
        x = node.args[0]
        if not isinstance(x, Node):
            return
        _set(node, {x: self._edge(x)})
        shared = SharedQuantizationSpec((x, node))
        if _name(node) not in _SEVERAL_RESULTS:
            _set(node, {x: self._edge(x)}, shared)
            return
        for item in node.users:
            _set(item, {}, shared)

    def _concat(self, node: Node) -> None:
        members = [member for member in _members(node.args[0]) if _is_computed(member)]
        if not members:
            return
        shared = SharedQuantizationSpec((members[0], node))
        inputs = dict.fromkeys(members[1:], shared)
        _set(node, {**inputs, members[0]: self._activation}, shared)

    def _inputs(self, node: Node) -> dict[Node, Any]:
        return {x: self._edge(x) for x in node.all_input_nodes if _is_computed(x)}

    def _edge(self, producer: Any) -> Any:
        """The spec of an edge; a producer with fixed scales hands them on."""
        annotation = producer.meta.get(_ANNOTATION)
        if annotation and isinstance(annotation.output_qspec, FixedQParamsQuantizationSpec):
            return SharedQuantizationSpec(producer)
        return self._activation


def _activation_spec(qat: bool) -> Any:
    observer = (
        FusedMovingAvgObsFakeQuantize.with_args(
            observer=MovingAverageMinMaxObserver, eps=_SMALLEST_SCALE
        )
        if qat
        else HistogramObserver.with_args(eps=_SMALLEST_SCALE)
    )
    return QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=observer,
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_affine,
    )


def _weight_spec(qat: bool, axis: int) -> Any:
    observer = (
        FakeQuantize.with_args(observer=MovingAveragePerChannelMinMaxObserver, averaging_constant=1)
        if qat
        else PerChannelMinMaxObserver.with_args(eps=_SMALLEST_SCALE)
    )
    return QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=observer,
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=axis,
    )


def _name(node: Node) -> str:
    """The operator without namespace, overload and the underscore of in-place forms."""
    parts = str(node.target).split(".")
    return parts[1].removesuffix("_") if len(parts) == 3 and parts[0] == "aten" else ""


def _only_user(node: Node, names: Iterable[str]) -> Node | None:
    user = next(iter(node.users), None)
    return user if user is not None and len(node.users) == 1 and _name(user) in names else None


def _clamp_behind(node: Node) -> Node:
    """The clamp that is fused into a node, or the node itself."""
    user = _only_user(node, _CLAMPS)
    return user if user is not None and _is_fusable(user) else node


def _is_fusable(clamp: Node) -> bool:
    return _name(clamp) in ("relu", "relu6") or tuple(clamp.args[1:]) in {(0.0, 6.0), (-1.0, 1.0)}


def _last_fused(node: Node) -> Node:
    """The end of convolution, batch norm, clamp."""
    return _clamp_behind(_only_user(node, _NORMS) or node)


def _between(first: Node, last: Node) -> list[Node]:
    """What lies behind `first` and before `last` in a chain of single users."""
    chain = []
    while first is not last and (first := next(iter(first.users))) is not last:
        chain.append(first)
    return chain


def _members(argument: Any) -> list[Node]:
    return [member for member in argument if isinstance(member, Node)]


def _is_computed(node: Node) -> bool:
    """Whether a node is a float activation, not a parameter or an index."""
    return node.op in ("placeholder", "call_function") and _is_float(node)


def _is_float(node: Node) -> bool:
    """False for the counters of batch norms and for indices."""
    value = node.meta.get("val")
    return not isinstance(value, torch.Tensor) or value.is_floating_point()


def _annotation(node: Node) -> Any:
    return node.meta[_ANNOTATION]


def _set(node: Node, inputs: dict[Any, Any], output: Any = None) -> None:
    node.meta[_ANNOTATION] = QuantizationAnnotation(
        input_qspec_map=inputs, output_qspec=output, _annotated=True
    )
