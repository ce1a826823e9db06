"""Which parameters are trained: biases of some layers, input channels of some weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from edge.errors import fail
from edge.ir import Graph, Node

WEIGHTED = ("conv2d", "depthwise_conv2d", "linear")

_CHANNEL_AXIS = {"conv2d": 3, "depthwise_conv2d": 3, "linear": 1}
"""The axis of a weight along which the first channels are trained."""


@dataclass(frozen=True)
class UpdateScheme:
    """`biases` names layers whose bias is trained, `weights` gives for a layer how many of its
    first input channels are."""

    biases: frozenset[str] = frozenset()
    weights: Mapping[str, int] = field(default_factory=dict)

    def trains(self, node: Node) -> bool:
        return node.name in self.biases or node.name in self.weights


def weighted_layers(graph: Graph) -> list[Node]:
    """The layers with weights, in execution order."""
    return [node for node in graph.nodes if node.op in WEIGHTED]


def channel_axis(node: Node) -> int:
    """The axis of a layer's weight that counts its input channels."""
    return _CHANNEL_AXIS[node.op]


def input_channels(graph: Graph, node: Node) -> int:
    """Channels that the weight of a layer can be cut along."""
    return graph.type(node.inputs[1]).shape[channel_axis(node)]


def bias_only(graph: Graph, layers: int | None = None) -> UpdateScheme:
    """The biases of the last `layers` layers (all), and the whole of the last one."""
    return published(graph, len(weighted_layers(graph)) if layers is None else layers, ())


def last_layers(graph: Graph, layers: int) -> UpdateScheme:
    """Everything in the last `layers` layers."""
    chosen = _last(graph, layers)
    return UpdateScheme(
        frozenset(node.name for node in chosen),
        {node.name: input_channels(graph, node) for node in chosen},
    )


def full(graph: Graph) -> UpdateScheme:
    """Everything."""
    return last_layers(graph, len(weighted_layers(graph)))


def published(
    graph: Graph, bias_layers: int, ratios: Sequence[tuple[int, float | Fraction]]
) -> UpdateScheme:
    """A scheme in the form of Lin et al. 2022 for a network that ends in one classifier.

    The last layer, the classifier, is trained wholly and takes no number. The others are numbered
    in execution order; the biases of their last `bias_layers` are trained, and for each
    (number, ratio) the first floor(ratio * channels) input channels of a weight.
    Raises EdgeError E0017 for a number that is no layer or a ratio outside [0, 1].
    """
    *body, head = weighted_layers(graph)
    weights = {head.name: input_channels(graph, head)}
    for number, ratio in ratios:
        if not (0 <= number < len(body) and 0 <= ratio <= 1):
            raise fail(
                "E0017", f"cannot train {ratio} of layer {number}",
                help=[f"layers 0 to {len(body) - 1}, ratios from 0 to 1"],
            )  # fmt: skip
        if channels := int(ratio * input_channels(graph, body[number])):
            weights[body[number].name] = channels
    biases = {node.name for node in body[len(body) - min(bias_layers, len(body)) :]}
    return UpdateScheme(frozenset({*biases, head.name}), weights)


def checked(graph: Graph, scheme: UpdateScheme) -> UpdateScheme:
    """The scheme unchanged. Raises EdgeError E0017 if it names what the graph does not have."""
    layers = {node.name: node for node in weighted_layers(graph)}
    unknown = sorted({*scheme.biases, *scheme.weights} - layers.keys())
    if unknown:
        raise fail(
            "E0017", f"{graph.name} has no layer {unknown[0]} to train",
            help=[f"its layers: {', '.join(layers)}"],
        )  # fmt: skip
    for name, channels in scheme.weights.items():
        most = input_channels(graph, layers[name])
        if not 1 <= channels <= most:
            raise fail("E0017", f"{name} has {most} input channels, not {channels}")
    if not scheme.biases and not scheme.weights:
        raise fail("E0017", "the scheme trains nothing", help=["name at least one bias or weight"])
    return scheme


def _last(graph: Graph, layers: int) -> list[Node]:
    found = weighted_layers(graph)
    return found[len(found) - min(layers, len(found)) :]
