"""The damped second moment of a layer's inputs, which solvers can invert."""

from __future__ import annotations

import torch


def damped(second_moment: torch.Tensor, damp: float) -> torch.Tensor:
    """E[x x^T] + damp * its mean diagonal * I; an input that never was anything counts for 1."""
    moment = second_moment.clone()
    dead = moment.diagonal() == 0
    moment[dead, dead] = 1
    moment.diagonal().add_(damp * moment.diagonal().mean())
    return moment
