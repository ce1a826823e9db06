"""Gains of training single tensors, for the table that `selection` searches.

Measured ones are in `contribution`. Here are Fisher scores: the sum of squared gradients over
calibration samples, in real units, of all weights that read an input channel, and of the biases of
a layer. One backward pass over everything gives all of them. The bytes are those of the additive
memory model; work is counted in backward multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir import Graph, Node, macs
from edge.ir.types import Array
from edge.quantization.constants import per_tensor
from edge.reference.call import Call
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.memory_model import LayerGeometry, extra_memory
from edge.training.reference import Trainer
from edge.training.reference.step_call import StepCall
from edge.training.reference.updates import GRADIENTS
from edge.training.scales import weight_scales
from edge.training.selection import RATIOS, Choice, Selection, Table
from edge.training.tape import Settings

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gains:
    """What training parts adds: `biases[k]` the last k biases, `weights[layer][i]` the share
    RATIOS[i] of a layer's input channels. Layers count from 0; the last one takes no number."""

    biases: Sequence[float]
    weights: Mapping[int, Sequence[float]]


@dataclass(frozen=True, eq=False)
class Scores:
    """By layer: the score of its biases, and of the weights of each input channel."""

    biases: Mapping[str, float]
    channels: Mapping[str, Doubles]

    def gains(self, graph: Graph) -> Gains:
        """Sums of scores."""
        body = scheme.weighted_layers(graph)[:-1]
        biases = [
            sum(self.biases[node.name] for node in body[len(body) - count :])
            for count in range(len(body) + 1)
        ]
        weights = {
            layer: _sums(self.channels[body[layer].name]) for layer in trained_in_slices(graph)
        }
        return Gains(biases, weights)


def fisher_scores(
    graph: Graph, samples: Iterable[tuple[Array, int]], loss: str = "cross_entropy"
) -> Scores:
    """Scores of every layer from samples (input, class).

    The parameters stay as they are: every sample starts from the same state.
    """
    step = differentiate(graph, scheme.full(graph), Settings(loss=loss))
    nodes = {node.name: node for node in scheme.weighted_layers(graph)}
    biases = dict.fromkeys(nodes, 0.0)
    channels = {n: np.zeros(scheme.input_channels(graph, node)) for n, node in nodes.items()}

    def observe(call: Call, made: tuple[Array, ...]) -> None:
        if not isinstance(call, StepCall) or call.node.op not in GRADIENTS:
            return
        layer, _, kind = call.node.name.partition("_update_")
        squares = real_gradient(graph, nodes[layer], call, kind) ** 2
        if kind == "bias":
            biases[layer] += float(squares.sum())
        else:
            axis = scheme.channel_axis(nodes[layer])
            others = tuple(i for i in range(squares.ndim) if i != axis)
            channels[layer] += squares.sum(others)

    for x, label in samples:
        Trainer(step).step([x], label, observe=observe)
    return Scores(biases, channels)


def real_gradient(graph: Graph, node: Node, call: StepCall, kind: str) -> npt.NDArray[Any]:
    """With respect to real weights or biases, up to the learning rate that all share.

    An update's factor is the gradient's unit times s**-2; one s more makes it that of a real
    parameter times s**-1.
    """
    sums = GRADIENTS[call.node.op](call).astype(np.float64)
    slot = 3 if kind == "bias" else 5
    factor = np.ldexp(
        call.input(slot).astype(np.float64), call.exponent() - call.input(slot + 1).astype(np.int64)
    )
    scales = weight_scales(graph, node)
    factor = factor * (
        scales * per_tensor(graph, node, node.inputs[0])[0] if kind == "bias" else scales / 256
    )
    shape = [1] * sums.ndim
    shape[3 if node.op == "depthwise_conv2d" and kind != "bias" else 0] = -1
    return np.asarray(sums * factor.reshape(shape))


def geometry(graph: Graph, node: Node) -> LayerGeometry:
    """A layer as the memory model sees it."""
    x, y, weight = (graph.type(n).shape for n in (node.inputs[0], node.output, node.inputs[1]))
    taps = weight[1] * weight[2] if len(weight) == 4 else 1
    groups = x[-1] // weight[3] if node.op == "conv2d" else 1
    if node.op == "depthwise_conv2d":
        groups = x[-1]
    positions = [int(np.prod(shape[:-1])) for shape in (x, y)]
    return LayerGeometry(x[-1], y[-1], taps, groups, *positions)


def _sums(channels: Doubles) -> list[float]:
    return [float(channels[: int(ratio * len(channels))].sum()) for ratio in RATIOS]


def trained_in_slices(graph: Graph) -> list[int]:
    """The layers, less the last, of whose weights a share of the input channels can be trained."""
    body = scheme.weighted_layers(graph)[:-1]
    return [i for i, node in enumerate(body) if geometry(graph, node).groups == 1]


def table(graph: Graph, gains: Gains) -> Table:
    """Choices for all layers but the last, which is always trained."""
    body = scheme.weighted_layers(graph)[:-1]
    layers = {i: geometry(graph, node) for i, node in enumerate(body)}
    weights = {
        i: [
            _weight_choice(graph, body[i], layers[i], gain, ratio)
            for gain, ratio in zip(found, RATIOS, strict=True)
        ]
        for i, found in gains.weights.items()
    }
    biases = [_bias_choice(graph, body, layers, k, gain) for k, gain in enumerate(gains.biases)]
    return Table(biases, weights)


def _bias_choice(
    graph: Graph, body: list[Node], layers: Mapping[int, LayerGeometry], count: int, gain: float
) -> Choice:
    """Training the last `count` biases: gradients go through all of these layers but the first."""
    work = sum(macs(graph, node) for node in body[len(body) - count :][1:])
    return Choice(gain, extra_memory(layers, count, ()).total, work)


def _weight_choice(
    graph: Graph, node: Node, layer: LayerGeometry, gain: float, ratio: Any
) -> Choice:
    bytes_ = layer.weights(ratio) + layer.saved_inputs(ratio)
    work = macs(graph, node) * layer.trained_channels(ratio) // layer.in_channels
    return Choice(gain, bytes_, work)


def scheme_of(graph: Graph, selection: Selection) -> scheme.UpdateScheme:
    """The selection as a scheme of this graph; its last layer is trained wholly."""
    return scheme.published(graph, selection.bias_layers, selection.shares)
