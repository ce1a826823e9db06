"""Prune a model block by block: each sees the inputs that the pruned blocks before it make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from edge.quantization.calibration import progress_bar
from edge.sparsity.layerwise.blocks import (
    BlockCall,
    block_list,
    calls_of_first_block,
    linears,
    watched,
)
from edge.sparsity.layerwise.recipe import Recipe, prune_weight
from edge.sparsity.layerwise.statistics import InputStatistics

WeightPruner = Callable[[torch.Tensor, InputStatistics, Recipe], torch.Tensor]
Chosen = Callable[[str], bool]


@dataclass(frozen=True)
class LayerReport:
    """What pruning did to a layer.

    density: share of weights left. output_error: E[((w' - w) x)^2] relative to E[(w x)^2], None
    without a Gram matrix. mean_error: the same of the mean output, |(w' - w) E[x]| / |w E[x]|.
    """

    name: str
    shape: tuple[int, int]
    density: float
    output_error: float | None
    mean_error: float


@dataclass(frozen=True)
class SparsityReport:
    """A recipe and what it did to each layer."""

    recipe: str
    layers: tuple[LayerReport, ...]

    @property
    def density(self) -> float:
        """Share of the pruned layers' weights that are left."""
        sizes = [layer.shape[0] * layer.shape[1] for layer in self.layers]
        left = sum(size * layer.density for size, layer in zip(sizes, self.layers, strict=True))
        return left / max(sum(sizes), 1)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        rows = [asdict(layer) for layer in self.layers]
        return {"recipe": self.recipe, "density": self.density, "layers": rows}


def everything(name: str) -> bool:
    """Choose every linear layer of the blocks."""
    return True


def as_is(statistics: Iterable[InputStatistics]) -> None:
    """The statistics are complete already; nothing to add up."""


@torch.no_grad()
def prune_layerwise(
    model: nn.Module,
    recipe: Recipe,
    calibration: Sequence[Any],
    *,
    chosen: Chosen = everything,
    progress: bool = False,
) -> SparsityReport:
    """Prune the linear layers of a transformer's blocks in place.

    `calibration` is a row of inputs of the model: tensors or mappings of keyword arguments, such as
    token ids [batch, tokens]. `chosen` picks layers by name. Embeddings and the output layer stay.
    Raises EdgeError E0042, E0064.
    """
    prefix, blocks = block_list(model)
    calls = calls_of_first_block(model, blocks[0], calibration)
    reports: list[LayerReport] = []
    numbered = list(enumerate(blocks))
    for index, block in progress_bar(numbered, "pruning", len(blocks), progress):
        name = f"{prefix}.{index}"
        reports += prune_block(block, name, calls, recipe, chosen)
        calls = [call.through(block) for call in calls]
    return SparsityReport(str(recipe), tuple(reports))


def prune_block(
    block: nn.Module,
    name: str,
    calls: Sequence[BlockCall],
    recipe: Recipe,
    chosen: Chosen = everything,
    *,
    add_up: Callable[[Iterable[InputStatistics]], None] = as_is,
    pruner: WeightPruner = prune_weight,
) -> list[LayerReport]:
    """Prune the chosen linear layers of a block in place, from the inputs that its calls make.

    `add_up` completes sums over processes; `pruner` may share the rows of a weight among them.
    """
    layers = {n: layer for n, layer in linears(block).items() if chosen(f"{name}.{n}")}
    statistics = {
        n: InputStatistics.empty(layer.in_features, recipe.needs_gram, layer.weight.device)
        for n, layer in layers.items()
    }
    with watched(layers, lambda n, x: statistics[n].add(x)):
        for call in calls:
            call.through(block)
    add_up(statistics.values())
    reports = []
    for part, layer in layers.items():
        pruned = pruner(layer.weight, statistics[part], recipe)
        reports.append(_report(f"{name}.{part}", layer.weight.float(), pruned, statistics[part]))
        layer.weight.copy_(pruned)
    return reports


def _report(
    name: str, weight: torch.Tensor, pruned: torch.Tensor, statistics: InputStatistics
) -> LayerReport:
    change, mean = pruned - weight, statistics.mean
    mean_error = (change @ mean).abs().mean() / (weight @ mean).abs().mean().clamp(min=1e-20)
    shape = (int(weight.shape[0]), int(weight.shape[1]))
    density = float((pruned != 0).double().mean())
    error = None if statistics.gram is None else _output_error(weight, change, statistics)
    return LayerReport(name, shape, density, error, float(mean_error))


def _output_error(weight: torch.Tensor, change: torch.Tensor, statistics: InputStatistics) -> float:
    moment = statistics.second_moment
    energy = ((weight @ moment) * weight).sum().clamp(min=1e-20)
    return float(((change @ moment) * change).sum() / energy)
