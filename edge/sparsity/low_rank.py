"""A low-rank helper beside a pruned linear layer: what removed weights gave in the mean
(SLoRB in AST, Huang et al., arXiv:2407.20584)."""

from __future__ import annotations

import torch
from torch import nn


class GroupSums(nn.Module):
    """y = linear(x) + (sums of x over groups of `group` inputs) @ coefficients^T.

    coefficients: [out, groups], trained; they start as the mean of the weights that were removed
    from each group, so that an input that is constant within its groups loses nothing.
    """

    def __init__(self, linear: nn.Linear, removed: torch.Tensor, group: int = 64) -> None:
        """`removed` holds the weights [out, in] that the layer lost, zero elsewhere."""
        super().__init__()
        self.linear, self.group = linear, group
        self.missing = -linear.in_features % group
        sums = self._groups(removed).sum(-1)
        sizes = self._groups(torch.ones_like(removed)).sum(-1)
        self.coefficients = nn.Parameter((sums / sizes).detach())

    def _groups(self, x: torch.Tensor) -> torch.Tensor:
        padded = nn.functional.pad(x, (0, self.missing))
        return padded.reshape(*padded.shape[:-1], -1, self.group)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., out] of [..., in]."""
        sums = self._groups(x).sum(-1)
        output: torch.Tensor = self.linear(x) + nn.functional.linear(sums, self.coefficients)
        return output
