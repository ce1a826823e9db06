"""A recipe: which weights of a layer go, and what becomes of those that stay."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.errors import fail
from edge.sparsity.layerwise.dsnot import dsnot
from edge.sparsity.layerwise.refit import refit
from edge.sparsity.layerwise.row_masks import keep_mask
from edge.sparsity.layerwise.scores import magnitude_score, wanda_score
from edge.sparsity.layerwise.sparsegpt import sparsegpt
from edge.sparsity.layerwise.statistics import InputStatistics
from edge.sparsity.patterns import NM, Pattern, check_sparsity

METHODS = {
    "magnitude": "the smallest weights",
    "wanda": "the smallest products of weight and input norm",
    "dsnot": "Wanda, then swaps that lower the expected error",
    "sparsegpt": "column by column, errors moved into the columns to come",
}
REFITS = ("auto", "exact", "cg", "none")


@dataclass(frozen=True)
class Recipe:
    """How to prune every layer.

    `sparsity` is the share of weights that go; N:M patterns have their own. `refit` fits the
    weights that stay by masked least squares (`edge.sparsity.layerwise.refit`); "auto" leaves
    SparseGPT's own update alone. `damp` is added to the diagonal of the inputs' second moment.
    Raises EdgeError E0040, E0041.
    """

    pattern: Pattern
    sparsity: float | None = None
    method: str = "wanda"
    refit: str = "auto"
    damp: float = 0.01

    def __post_init__(self) -> None:
        for name, known in (("method", tuple(METHODS)), ("refit", REFITS)):
            if getattr(self, name) not in known:
                raise fail("E0041", f"no pruning {name} {getattr(self, name)!r}",
                           help=[f"one of {', '.join(known)}"])  # fmt: skip
        if self.sparsity is None and not isinstance(self.pattern, NM):
            raise fail("E0040", f"pattern {self.pattern} has no sparsity of its own",
                       help=["give the share of weights to remove, such as 0.5"])  # fmt: skip
        check_sparsity(self.share)

    @property
    def share(self) -> float:
        """The share of weights that go."""
        if isinstance(self.pattern, NM):
            return 1 - self.pattern.n / self.pattern.m
        return self.sparsity or 0.0

    @property
    def fits(self) -> bool:
        """Whether weights that stay are fitted by least squares."""
        return self.refit != "none" and not (self.refit == "auto" and self.method == "sparsegpt")

    @property
    def needs_gram(self) -> bool:
        """Whether the second moments of pairs of inputs are needed."""
        return self.fits or self.method == "sparsegpt"

    @property
    def splits_by_row(self) -> bool:
        """Whether rows of a weight can be pruned apart, as processes do."""
        shared = isinstance(self.pattern, NM) and self.pattern.rows > 1
        pattern = isinstance(self.pattern, NM) or str(self.pattern) == "unstructured"
        return pattern and not shared and self.method != "sparsegpt"


def prune_weight(weight: torch.Tensor, statistics: InputStatistics, recipe: Recipe) -> torch.Tensor:
    """A layer's weight [out, in] after the recipe, float32."""
    weight = weight.float()
    if recipe.method == "sparsegpt":
        pruned = sparsegpt(weight, statistics, recipe.pattern, recipe.share, damp=recipe.damp)
        kept = pruned != 0
    else:
        kept = _mask(weight, statistics, recipe)
        pruned = weight * kept
    if not recipe.fits:
        return pruned
    return refit(weight, kept, statistics, how=recipe.refit, damp=recipe.damp)


def _mask(weight: torch.Tensor, statistics: InputStatistics, recipe: Recipe) -> torch.Tensor:
    score = magnitude_score if recipe.method == "magnitude" else wanda_score
    kept = keep_mask(score(weight, statistics), recipe.pattern, recipe.share)
    return dsnot(weight, kept, statistics) if recipe.method == "dsnot" else kept
