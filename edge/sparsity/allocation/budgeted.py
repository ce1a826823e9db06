"""Budgeted: layers are sparser where it saves most on the target for the least harm.

Every layer has a choice of sparsities, each with a loss (a proxy: what the mask removes of the
scores) and a cost (instructions that the target's planner predicts). The best mixtures lie on the
lower hull of loss against cost, and are found by taking the steps that cost least loss for each
instruction saved (the continuous knapsack; Yang et al. 2018, NetAdapt, arXiv:1804.03230, measures
the target, too).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.errors import fail
from edge.ir import Graph
from edge.planning.choice import candidates
from edge.quantization.calibration import progress_bar
from edge.sparsity.patterns import NM, Pattern, Scores
from edge.sparsity.weights import masked, prunable_weights, weight_scores

GRID = tuple(round(0.05 * step, 2) for step in range(20))  # sparsities 0 to 0.95


@dataclass(frozen=True)
class Choice:
    """A sparsity of one layer, the loss of choosing it and what the layer then costs."""

    sparsity: float
    loss: float
    cost: float


Options = Mapping[str, Sequence[Choice]]


def options(
    graph: Graph,
    folders: Sequence[str],
    pattern: Pattern,
    scores: Mapping[str, Scores] | None = None,
    grid: Sequence[float] = GRID,
    progress: bool = False,
) -> dict[str, list[Choice]]:
    """The choices of every weight that the pattern fits, for the int8 graph of the model.

    `folders` are the target's kernel folders (`load_target(name).kernels`). `scores` by weight are
    what the loss is measured in, |w| as a share of the layer's by default. A cost is that of the
    cheapest kernel for the masked weight, dense kernels included.
    """
    found = {}
    weights = prunable_weights(graph)
    for name in progress_bar(weights, "costs of sparsities", len(weights), progress):
        own = weight_scores(graph, name)
        if pattern.misfit((own.shape[0], own.shape[1], own.shape[2])) is None:
            weighed = own / own.sum() if scores is None else scores[name]
            found[name] = [
                _choice(graph, folders, pattern, name, weighed, sparsity)
                for sparsity in grid
                if sparsity <= _most(pattern)
            ]
    return found


def _most(pattern: Pattern) -> float:
    """The sparsity that a pattern can reach, with room for the rounding of a grid."""
    return 1 - pattern.n / pattern.m + 1e-9 if isinstance(pattern, NM) else 1.0


def _choice(
    graph: Graph, folders: Sequence[str], pattern: Pattern, name: str, scores: Scores,
    sparsity: float,
) -> Choice:  # fmt: skip
    mask = pattern.mask(scores, sparsity)
    node = next(node for node in graph.nodes if name in node.inputs)
    pruned = masked(graph, name, mask).with_nodes([node])
    cheapest = candidates(pruned, folders)[node.name][0]
    return Choice(sparsity, float(scores[~mask].sum()), float(cheapest.cost(pruned, node)))


def least_loss(options: Options, cost: float) -> dict[str, float]:
    """Sparsities by layer that lose least and cost no more than `cost` in all.

    Raises EdgeError E0050 if the sparsest choices cost more.
    """
    taken = _densest(options)
    steps = iter(_steps(options))
    while sum(choice.cost for choice in taken.values()) > cost:
        name, step = next(steps, ("", None))
        if step is None:
            least = sum(choice.cost for choice in taken.values())
            help = [f"the sparsest choice takes {least:,.0f}"]
            raise fail("E0050", f"no sparsities reach {cost:,.0f} instructions", help=help)
        taken[name] = step
    return {name: choice.sparsity for name, choice in taken.items()}


def least_cost(options: Options, loss: float) -> dict[str, float]:
    """Sparsities by layer that cost least and lose no more than `loss` in all."""
    taken = _densest(options)
    for name, step in _steps(options):
        others = sum(choice.loss for other, choice in taken.items() if other != name)
        if others + step.loss > loss:
            break
        taken[name] = step
    return {name: choice.sparsity for name, choice in taken.items()}


def _densest(options: Options) -> dict[str, Choice]:
    return {name: _hull(choices)[0] for name, choices in options.items()}


def _steps(options: Options) -> list[tuple[str, Choice]]:
    """Every step along a hull, by the loss it takes for each instruction it saves."""
    steps = []
    for name, choices in options.items():
        hull = _hull(choices)
        for before, after in pairwise(hull):
            slope = (after.loss - before.loss) / (before.cost - after.cost)
            steps.append((slope, name, after))
    return [(name, after) for _, name, after in sorted(steps, key=lambda step: step[:2])]


def _hull(choices: Sequence[Choice]) -> list[Choice]:
    """The lower convex hull of loss over falling cost, from the choice that loses least."""
    hull: list[Choice] = []
    for choice in sorted(choices, key=lambda c: (c.loss, c.cost)):
        if hull and choice.cost >= hull[-1].cost:
            continue
        while len(hull) > 1 and _bends(hull[-2], hull[-1], choice):
            hull.pop()
        hull.append(choice)
    return hull


def _bends(a: Choice, b: Choice, c: Choice) -> bool:
    """Whether going from a to c directly takes less loss for each instruction than by b."""
    first = (b.loss - a.loss) / (a.cost - b.cost)
    whole = (c.loss - a.loss) / (a.cost - c.cost)
    return whole <= first
