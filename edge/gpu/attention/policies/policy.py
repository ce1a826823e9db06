"""What a policy is."""

from __future__ import annotations

from typing import Protocol

import torch

from edge.gpu.attention.table import BlockTable


class Policy(Protocol):
    """Chooses the key blocks of each query block."""

    @property
    def block(self) -> int:
        """Tokens of a block."""

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The table for queries [B, H, T, D] and keys [B, G, T, D], G a divisor of H."""
