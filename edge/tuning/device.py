"""Tuned slices go on learning on the device: an adapter as a sparse-update plan.

The device trains the first input channels of a layer. Those that an adapter changes are brought to
the front, together with the outputs that feed them, so that the function stays; the plan says how
many they are.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from edge.errors import EdgeError, fail
from edge.frontends import load
from edge.ir import Graph, Node
from edge.sparsity.rearrangement.module import reorder
from edge.sparsity.rearrangement.rearrange import Rearrangement
from edge.sparsity.rearrangement.spaces import Order, Spaces, channel_spaces
from edge.target import Target
from edge.training.autodiff import differentiate
from edge.training.plan_file import TrainPlan
from edge.training.planning import plan_step
from edge.training.scheme import UpdateScheme, channel_axis, input_channels, weighted_layers
from edge.training.tape import Settings
from edge.tuning.adapters import fuse
from edge.tuning.changes import Adapter
from edge.tuning.deltas import Delta
from edge.workflow.export import compile_model
from edge.workflow.train import prediction


@dataclass(frozen=True, eq=False)
class DeviceTuning:
    """module: a copy of the model with the adapter in it, tuned channels first.

    plan: what `edge export --train` takes for it.
    """

    module: nn.Module
    plan: TrainPlan


def device_plan(
    model: nn.Module,
    example: Any,
    adapter: Adapter,
    target: str | Target,
    calibration: Any = None,
    *,
    training: Settings | None = None,
    **settings: Any,
) -> DeviceTuning:
    """The model as tuned, and the plan by which a device trains the same slices.

    `example` are the inputs that the model is exported with, `training` how the device computes;
    `calibration` and further settings are those of `edge.export`. Channels between two layers come
    in any order; where it is given, as that of the model's inputs, all channels up to the last one
    that is tuned are trained, and behind a flattened image all. Raises EdgeError E0080 for an
    adapter of another model, E0087 for changes that a device cannot train.
    """
    module = copy.deepcopy(model)
    fuse(module, adapter)
    graph = load((module, example)).graph
    touched, biases = _touched(graph, module, adapter)
    spaces = channel_spaces(graph)
    orders = _orders(spaces, graph, touched)
    reorder(module, graph, _rearrangement(spaces, orders))
    weights = {
        node: 1 + int(_placed(spaces, graph, node, orders)[channels].max())
        for node, channels in touched.items()
    }
    compiled = compile_model((module, example), target, calibration, **settings)
    trained = _in_order(compiled.graph, module, weights)
    scheme, how = UpdateScheme(frozenset(biases), trained), training or Settings()
    step = plan_step(differentiate(compiled.graph, scheme, how), compiled.target)
    predicted = {**prediction(step, compiled.target), "gain": None}
    plan = TrainPlan(compiled.graph.name, compiled.target.name, scheme, how, predicted)
    return DeviceTuning(module, plan)


def _touched(
    graph: Graph, module: nn.Module, adapter: Adapter
) -> tuple[dict[str, Order], list[str]]:
    """The tuned input channels of each layer, in ascending order, and layers with tuned biases."""
    layers = {node.inputs[1]: node for node in weighted_layers(graph)}
    biases = {node.inputs[2]: node for node in layers.values() if len(node.inputs) > 2}
    touched, biased = {}, []
    for name, change in adapter.items():
        if not isinstance(change, Delta):
            raise _untrainable(name, f"a {change.kind} change is no slice of a weight")
        if name in layers:
            touched[layers[name].name] = _channels(change, layers[name])
        elif name in biases:
            biased.append(biases[name].name)
        else:
            raise _untrainable(name, "only weights and biases of layers are trained")
    if not touched and not biased:
        raise _untrainable(graph.name, "the adapter changes nothing")
    return touched, biased


def _channels(change: Delta, node: Node) -> Order:
    kernel = math.prod(change.shape[2:])
    places = change.flat().cpu().numpy()
    rows = places // (change.shape[1] * kernel)
    channels = rows if node.op == "depthwise_conv2d" else places // kernel % change.shape[1]
    if not len(channels):
        raise _untrainable(node.name, "the adapter changes nothing in it")
    return np.unique(channels).astype(np.intp)


def _into(spaces: Spaces, graph: Graph, name: str) -> tuple[int, ...]:
    """The spaces of a layer's input channels, none if it is of a kind that stays in order."""
    node = next(node for node in graph.nodes if node.name == name)
    return spaces.axes.get((node.inputs[1], channel_axis(node)), ())


def _orders(spaces: Spaces, graph: Graph, touched: Mapping[str, Order]) -> dict[int, Order]:
    """Of each space, the channels first that most layers have tuned."""
    counts: dict[int, Order] = {}
    for name, channels in touched.items():
        into = _into(spaces, graph, name)
        if len(into) == 1 and into[0] in spaces.sizes:
            counts.setdefault(into[0], np.zeros(spaces.sizes[into[0]], np.intp))[channels] += 1
    return {space: np.argsort(-count, kind="stable") for space, count in counts.items()}


def _placed(spaces: Spaces, graph: Graph, name: str, orders: Mapping[int, Order]) -> Order:
    """The new place of each input channel of a layer."""
    node = next(node for node in graph.nodes if node.name == name)
    into = _into(spaces, graph, name)
    if not into:
        return np.arange(graph.type(node.inputs[1]).shape[channel_axis(node)])
    return np.argsort(spaces.order(into, orders))


def _rearrangement(spaces: Spaces, orders: Mapping[int, Order]) -> Rearrangement:
    return Rearrangement(
        {
            key: spaces.order(segments, orders)
            for key, segments in spaces.axes.items()
            if not orders.keys().isdisjoint(segments)
        }
    )


def _in_order(graph: Graph, module: nn.Module, weights: Mapping[str, int]) -> dict[str, int]:
    """Layers whose inputs the device has in another order, as after a flattened image, whole."""
    own = dict(module.named_parameters())
    return {
        node.name: weights[node.name] if node.inputs[1] in own else input_channels(graph, node)
        for node in weighted_layers(graph)
        if node.name in weights
    }


def _untrainable(where: str, reason: str) -> EdgeError:
    return fail(
        "E0087", f"the device cannot train what the adapter changes: {reason}", where,
        help=["tune slices with ChannelConfig, or single weights with SparseConfig"],
    )  # fmt: skip
