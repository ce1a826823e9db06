"""Gains of training single tensors, measured: each one is really fine-tuned for some steps.

The contribution analysis of Lin et al. (On-Device Training Under 256KB Memory, NeurIPS 2022,
section 2.3): the gain of biases is that over training the classifier alone, the gain of a slice of
a weight that over training the biases which its gradient passes. Where the paper counts right
answers, here the mean loss of samples that were not trained on falls: some dozens tell more by it.

One step that trains everything serves for all parts: after each step what is not of the part
becomes again what it was, which is the same as not having trained it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, Node
from edge.ir.types import Array
from edge.training import scheme
from edge.training.autodiff import Step
from edge.training.blocks import BLOCK, live_blocks
from edge.training.forward import has_dead_blocks
from edge.training.scheme import UpdateScheme
from edge.training.scores import Gains, trained_in_slices
from edge.training.selection import RATIOS

_LEAST_HELD, _HELD_SHARE = 4, 4
Samples = Sequence[tuple[Array, int]]
"""Inputs int8 [1, ...] and classes."""


class Tuned(Protocol):
    """A model that takes steps; its trainables by the names of the step's states."""

    @property
    def states(self) -> Mapping[str, Array]: ...

    def write(self, states: Mapping[str, Array]) -> None: ...

    def learn(self, sample: Array, label: int) -> object: ...

    def predict(self, samples: Array) -> Array:
        """Scores int8 [N, classes] of int8 [N, ...]."""


@dataclass(frozen=True)
class Trial:
    """A part of a network: the last biases, and of a layer a share of the input channels.

    Layers count from 0; the last one, the classifier, is always trained and takes no number.
    """

    bias_layers: int
    layer: int | None = None
    ratio: Fraction = Fraction(0)

    @property
    def name(self) -> str:
        biases = f"last {self.bias_layers} biases"
        return biases if self.layer is None else f"{biases}, {self.ratio} of layer {self.layer}"

    def scheme(self, graph: Graph) -> UpdateScheme:
        part = [] if self.layer is None else [(self.layer, self.ratio)]
        return scheme.published(graph, self.bias_layers, part)


def trials(graph: Graph) -> list[Trial]:
    """All that a table of choices needs: each number of biases, each share of each weight."""
    body = scheme.weighted_layers(graph)[:-1]
    found = [Trial(count) for count in range(len(body) + 1)]
    for layer in trained_in_slices(graph):
        found += [_slice(len(body), layer, ratio) for ratio in RATIOS[1:]]
    return found


def _slice(layers: int, layer: int, ratio: Fraction) -> Trial:
    return Trial(layers - layer, layer, ratio)


def split(samples: Samples) -> tuple[Samples, Samples]:
    """Samples to train on, and every fourth, held out to measure the loss.

    Raises EdgeError E0005 for fewer than 16.
    """
    held = samples[::_HELD_SHARE]
    if len(held) < _LEAST_HELD:
        raise fail(
            "E0005", f"{len(samples)} samples are too few to measure contributions",
            help=[f"at least {_LEAST_HELD * _HELD_SHARE}, or the Fisher scores"],
        )  # fmt: skip
    return [s for i, s in enumerate(samples) if i % _HELD_SHARE], held


@dataclass(frozen=True, eq=False)
class Laboratory:
    """`tuned` takes the steps of `step`, which trains all of `graph`, one after another over the
    samples `train`, as often as they are needed for `steps`. `masked` keeps zero blocks zero."""

    graph: Graph
    step: Step
    tuned: Tuned
    train: Samples
    held: Samples
    steps: int
    masked: bool = False

    def loss(self, trial: Trial) -> float:
        """The mean loss of held samples after the steps of a trial from the initial state."""
        initial = {state.read: state.initial for state in self.step.graph.states}
        part = trial.scheme(self.graph)
        kept = trained_elements(self.graph, self.step, part, self.masked)
        self.tuned.write(initial)
        for index in range(self.steps):
            self.tuned.learn(*self.train[index % len(self.train)])
            self.tuned.write(
                {n: np.where(k, self.tuned.states[n], initial[n]) for n, k in kept.items()}
            )
        return self._held_loss()

    def _held_loss(self) -> float:
        scores = self.tuned.predict(np.concatenate([x for x, _ in self.held]))
        quantization = self.step.graph.type(self.step.graph.outputs[0]).quantization
        scale = quantization.scale[0] if quantization else 1.0
        wide = scale * scores.reshape(len(self.held), -1).astype(np.float64)
        wide -= wide.max(1, keepdims=True)
        chosen = wide[np.arange(len(wide)), [label for _, label in self.held]]
        return float((np.log(np.exp(wide).sum(1)) - chosen).mean())


def trained_elements(
    graph: Graph, step: Step, part: UpdateScheme, masked: bool = False
) -> dict[str, npt.NDArray[np.bool_]]:
    """By state of a step that trains everything: which elements a scheme trains.

    With `masked` not those of zero blocks. The counter of steps is left out: it always counts.
    """
    nodes = {node.name: node for node in scheme.weighted_layers(graph)}
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for layer, kind, states in _updates(step):
        for state in states:
            if kind == "bias":
                found[state] = np.full(step.graph.type(state).shape, layer in part.biases)
            else:
                found[state] = _slice_of(graph, nodes[layer], part.weights.get(layer, 0), masked)
    return found


def _updates(step: Step) -> Iterator[tuple[str, str, list[str]]]:
    """Layer, "bias" or "weight", and the states that an update changes."""
    for node in step.graph.nodes:
        layer, found, kind = node.name.rpartition("_update_")
        if found:
            slots = (2,) if kind == "bias" else (3, 4)
            yield layer, kind, [node.inputs[slot] for slot in slots if node.inputs[slot]]


def _slice_of(graph: Graph, node: Node, channels: int, masked: bool) -> npt.NDArray[np.bool_]:
    """The first input channels of a weight."""
    weight = graph.constant(node.inputs[1])
    found = np.zeros(weight.shape, np.bool_)
    np.moveaxis(found, scheme.channel_axis(node), 0)[:channels] = True
    if masked and has_dead_blocks(graph, node):
        found &= np.repeat(live_blocks(weight), BLOCK, -1).reshape(weight.shape)
    return found


def gains(graph: Graph, losses: Mapping[Trial, float]) -> Gains:
    """What every part adds, from the losses of all trials."""
    body = scheme.weighted_layers(graph)[:-1]
    biases = [losses[Trial(count)] for count in range(len(body) + 1)]
    weights = {
        layer: [0.0]
        + [
            biases[len(body) - layer] - losses[_slice(len(body), layer, ratio)]
            for ratio in RATIOS[1:]
        ]
        for layer in trained_in_slices(graph)
    }
    return Gains([biases[0] - loss for loss in biases], weights)
