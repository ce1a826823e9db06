"""Sparsities for a module by what they save on a target: `edge prune --latency` and `--loss`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from edge.errors import fail
from edge.frontends import load
from edge.ir import Graph
from edge.planning.choice import cheapest
from edge.quantization.calibration import Source
from edge.sparsity.allocation.budgeted import Options, least_cost, least_loss, options
from edge.sparsity.layers import fitting_layers
from edge.sparsity.patterns import Channel, Pattern
from edge.sparsity.weights import prunable_weights
from edge.target import Target, load_target
from edge.workflow.quantize import quantize

BUDGET = "E0050"


@dataclass(frozen=True)
class Budget:
    """What sparsities are chosen for on a target: one of `latency` and `loss`.

    latency: instructions of an inference as the target's planner predicts them; up to 1, a share of
    what the dense model takes. The least magnitude is lost for it.
    loss: the share of its magnitude |w| that a layer may lose, the mean over all layers that the
    pattern fits. The least instructions are taken for it.
    """

    target: str
    latency: float | None = None
    loss: float | None = None

    def __post_init__(self) -> None:
        if (self.latency is None) is (self.loss is None):
            raise fail(BUDGET, "a budget is a latency or a loss", help=["give one of the two"])
        if self.latency is not None and not self.latency > 0:
            raise fail(
                BUDGET, f"{self.latency:g} is no latency",
                help=["give instructions, or a share of the dense model's such as 0.6"],
            )  # fmt: skip
        if self.loss is not None and not 0 <= self.loss < 1:
            raise fail(BUDGET, f"{self.loss:g} is no share of the magnitude", help=["such as 0.1"])


def sparsities(
    module: nn.Module, example_inputs: Any, pattern: Pattern, budget: Budget,
    samples: Source | None = None, progress: bool = False,
) -> dict[str, float]:  # fmt: skip
    """Sparsities by layer of the module that keep the budget.

    `samples` set the scales of the int8 model whose instructions are predicted; the example by
    default. Raises EdgeError E0050 for a latency that the pattern does not reach, and for
    channels, whose removal changes other layers; E0001 for an unknown target.
    """
    if isinstance(pattern, Channel):
        raise fail(
            BUDGET, "removed channels shrink other layers, too: they have no budget by layer",
            help=["give --sparsity, or another pattern"],
        )  # fmt: skip
    target = load_target(budget.target)
    fitting = fitting_layers(module, pattern)
    layers = {f"{name}.{layer.attribute}": name for name, layer in fitting.items()}
    graph = int8_graph(module, example_inputs, samples)
    names = _weights_of(module, example_inputs, graph)
    found = options(graph, target.kernels, pattern, progress=progress)
    choices = {layers[names[w]]: c for w, c in found.items() if names.get(w) in layers}
    chosen = _chosen(graph, target, budget, choices)
    return {name: share for name, share in chosen.items() if share > 0}


def _chosen(graph: Graph, target: Target, budget: Budget, choices: Options) -> dict[str, float]:
    if budget.loss is not None:
        return least_cost(choices, budget.loss * len(choices))
    whole = instructions(graph, target)
    others = whole - sum(layer[0].cost for layer in choices.values())
    latency = float(budget.latency or 0)
    return least_loss(choices, (latency * whole if latency <= 1 else latency) - others)


def instructions(graph: Graph, target: Target) -> float:
    """What the target's planner predicts for an int8 graph, all nodes by their cheapest kernels."""
    kernels = cheapest(graph, target.kernels)
    return float(sum(kernels[node.name].cost(graph, node) for node in graph.nodes))


def int8_graph(module: nn.Module, example_inputs: Any, samples: Source | None = None) -> Graph:
    """The int8 graph of a module, with the scales that samples give."""
    calibration = _rows(example_inputs) if samples is None else samples
    return quantize((module, example_inputs), calibration, progress=False)


def _rows(example_inputs: Any) -> np.ndarray[Any, Any]:
    first = example_inputs[0] if isinstance(example_inputs, tuple) else example_inputs
    rows: torch.Tensor = first.detach()
    return rows.float().numpy()


def _weights_of(module: nn.Module, example_inputs: Any, quantized: Graph) -> dict[str, str]:
    """The parameter that each weight of the int8 graph comes from: passes keep nodes' names."""
    floats = load((module, example_inputs)).graph
    parameters = dict(_weight_by_node(floats))
    return {
        weight: parameters[node]
        for node, weight in _weight_by_node(quantized)
        if node in parameters
    }


def _weight_by_node(graph: Graph) -> Iterator[tuple[str, str]]:
    weights = prunable_weights(graph)
    return ((n.name, n.inputs[1]) for n in graph.nodes if n.inputs[1:] and n.inputs[1] in weights)
