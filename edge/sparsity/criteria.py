"""Criteria: how much each weight matters. The least of them are removed.

A criterion takes a weight, its gradient (None where there is none) and a random generator, and
gives scores in the layout of the weight.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from edge.errors import fail

Criterion = Callable[[torch.Tensor, torch.Tensor | None, torch.Generator], torch.Tensor]


def l1(
    weight: torch.Tensor, gradient: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """|w| (Han et al. 2015, arXiv:1506.02626)."""
    return weight.abs()


def l2(
    weight: torch.Tensor, gradient: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """w^2: in a block the large weights count for more."""
    return weight.square()


def taylor(
    weight: torch.Tensor, gradient: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """|w g|, the change of the loss to first order (Molchanov et al. 2019, arXiv:1906.10771)."""
    return (weight * _required(gradient)).abs()


def movement(
    weight: torch.Tensor, gradient: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """-w g: weights that move away from zero stay (Sanh et al. 2020, arXiv:2005.07683).

    The paper sums it over training; with a single gradient it is one step of that sum. Scores may
    be negative.
    """
    return -weight * _required(gradient)


def random(
    weight: torch.Tensor, gradient: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """Uniform in [0, 1) (Liu et al. 2022, arXiv:2202.02643)."""
    return torch.rand(weight.shape, generator=generator)


def _required(gradient: torch.Tensor | None) -> torch.Tensor:
    if gradient is None:
        raise fail(
            "E0045", "this criterion needs gradients",
            help=["prune after a backward pass, or use l1, l2 or random"],
        )  # fmt: skip
    return gradient


CRITERIA: dict[str, Criterion] = {
    "l1": l1,
    "l2": l2,
    "taylor": taylor,
    "movement": movement,
    "random": random,
}


def criterion(name: str) -> Criterion:
    """The criterion of this name. Raises EdgeError E0041."""
    if name not in CRITERIA:
        raise fail("E0041", f"no criterion {name!r}", help=[f"one of {', '.join(CRITERIA)}"])
    return CRITERIA[name]
