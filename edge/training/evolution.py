"""Evolutionary search for an update scheme: the published way, kept as a baseline.

Lin et al. (NeurIPS 2022) search with some thousand samples; `selection.select` is exact for the
same table and must not lose.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from edge.errors import fail
from edge.training.selection import RATIOS, Budget, Selection, Table, evaluate

_POPULATION, _PARENTS = 100, 25
_MUTATION = 0.1  # of each gene


@dataclass(frozen=True)
class _Genes:
    """A scheme that may exceed the budget: an entry of RATIOS for every layer of the table."""

    bias_layers: int
    ratios: tuple[int, ...]


def evolve(table: Table, budget: Budget, samples: int = 5000, seed: int = 0) -> Selection:
    """The best of `samples` selections. Raises EdgeError E0304 if none of them fits."""
    rng = random.Random(seed)
    population: list[tuple[Selection, _Genes]] = []
    for drawn in range(samples):
        parents = population[:_PARENTS]
        genes = _child(table, parents, rng) if drawn >= _POPULATION else _drawn(table, rng)
        if (found := _expressed(table, budget, genes)) is not None:
            population.append((found, genes))
            population.sort(key=lambda member: -member[0].gain)
            del population[_POPULATION:]
    if not population:
        raise fail("E0304", f"no update fits {budget.bytes} bytes")
    return population[0][0]


def _drawn(table: Table, rng: random.Random) -> _Genes:
    """Sparse at random, so that some of the first members fit."""
    density = rng.random()
    ratios = (rng.randrange(len(RATIOS)) if rng.random() < density else 0 for _ in table.weights)
    return _Genes(rng.randrange(len(table.biases)), tuple(ratios))


def _child(table: Table, parents: list[tuple[Selection, _Genes]], rng: random.Random) -> _Genes:
    """Half of the genes of each of two parents, some of them redrawn."""
    if not parents:
        return _drawn(table, rng)
    a, b = (rng.choice(parents)[1] for _ in range(2))
    fresh = _drawn(table, rng)

    def source() -> _Genes:
        return fresh if rng.random() < _MUTATION else rng.choice((a, b))

    return _Genes(
        source().bias_layers, tuple(source().ratios[i] for i in range(len(table.weights)))
    )


def _expressed(table: Table, budget: Budget, genes: _Genes) -> Selection | None:
    """The selection of these genes, unless it is too large; unreachable weights do not count."""
    reachable = set(table.reachable(genes.bias_layers))
    chosen = dict(zip(sorted(table.weights), genes.ratios, strict=True))
    ratios = {layer: index for layer, index in chosen.items() if layer in reachable}
    found = evaluate(table, genes.bias_layers, ratios)
    return found if budget.allows(found.bytes, found.work) else None
