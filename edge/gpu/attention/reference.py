"""Block-sparse attention by a dense mask: the definition of correct."""

from __future__ import annotations

import torch

from edge.gpu.attention.scores import repeated
from edge.gpu.attention.table import BlockTable


def reference_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, table: BlockTable, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs [B, H, T, D] and the log of the sum of exponentials [B, H, T]."""
    return masked_attention(q, k, v, table.to_dense(), scale)


def masked_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, seen: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for any mask, True where a query attends to a key."""
    k, v = repeated(k, q.shape[1]), repeated(v, q.shape[1])
    products = (q @ k.transpose(-1, -2) * scale).masked_fill(~seen, -torch.inf)
    return products.softmax(-1) @ v, products.logsumexp(-1)
