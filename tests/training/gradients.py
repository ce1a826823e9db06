"""Parameter gradients of a step as it applies them, in the units of torch's autograd."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.ir import Graph
from edge.ir.types import Array
from edge.reference.call import Call
from edge.training.autodiff import Step
from edge.training.reference import Trainer
from edge.training.reference.step_call import StepCall
from edge.training.reference.updates import GRADIENTS

Reals = np.ndarray[Any, np.dtype[np.float64]]


def applied_gradients(
    graph: Graph, step: Step, x: Array, target: Any
) -> tuple[dict[str, Reals], dict[str, Array]]:
    """(gradient by "<layer>/weight" and "<layer>/bias", every activation by name).

    The factor of an update undoes the learning rate and the quantization-aware scaling.
    """
    found: dict[str, Reals] = {}
    values: dict[str, Array] = {}

    def observe(call: Call, made: tuple[Array, ...]) -> None:
        values.update(zip(call.node.outputs, made, strict=True))
        if call.node.op in GRADIENTS:
            assert isinstance(call, StepCall)
            layer, _, kind = call.node.name.partition("_update_")
            found[f"{layer}/{kind}"] = _undone(graph, step, call, layer)

    Trainer(step).step([x], target, observe=observe)
    return found, values


def _undone(graph: Graph, step: Step, call: StepCall, layer: str) -> Reals:
    sums = GRADIENTS[call.node.op](call).astype(np.float64)
    slot = 3 if call.node.op == "update_bias" else 5
    factor = call.input(slot).astype(np.float64)
    if (shift := call.optional(slot + 1)) is not None:
        factor = np.ldexp(factor, call.exponent() - shift.astype(np.int64))
    node = next(n for n in graph.nodes if n.name == layer)
    quantization = graph.type(node.inputs[1]).quantization
    in_scale = graph.type(node.inputs[0]).quantization
    assert quantization is not None
    assert in_scale is not None
    scales = np.array(quantization.scale)
    if call.node.op == "update_bias":
        factor *= (scales * in_scale.scale[0]) ** 2
    else:
        factor *= scales**2 / 256
    axis = 3 if call.node.op == "update_depthwise_conv2d_weight" else 0
    shape = [1] * sums.ndim
    shape[axis] = -1
    return sums * factor.reshape(shape) / step.settings.learning_rate
