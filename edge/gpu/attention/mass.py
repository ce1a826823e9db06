"""How much attention each block of keys gets from each block of queries."""

from __future__ import annotations

import torch

from edge.gpu.attention.scores import repeated
from edge.gpu.attention.table import BlockTable


def block_mass(
    q: torch.Tensor,
    k: torch.Tensor,
    lse: torch.Tensor,
    scale: float,
    block: int,
    *,
    causal: bool,
    backend: str = "auto",
) -> torch.Tensor:
    """float32[B, H, R, R]: the sum of exp(q k scale - lse) over the tokens of two blocks.

    q [B, H, T, D], k [B, G, T, D]; lse [B, H, T] is that of attention to all keys, so that a row
    adds up to its number of queries. The T x T products are never held at once. "auto" is "triton"
    on a GPU and "reference" elsewhere.
    """
    if backend == "triton" or (backend == "auto" and q.is_cuda):
        from edge.gpu.attention.triton_mass import triton_mass

        return triton_mass(q, k, lse, scale, block, causal)
    keys, length = repeated(k, q.shape[1]), q.shape[2]
    rows = [
        _row_mass(q[:, :, at : at + block], keys, lse[:, :, at : at + block], scale, block,
                  at if causal else None)
        for at in range(0, length, block)
    ]  # fmt: skip
    return torch.stack(rows, 2)


def _row_mass(
    q: torch.Tensor, k: torch.Tensor, lse: torch.Tensor, scale: float, block: int, at: int | None
) -> torch.Tensor:
    """[B, H, R] of one block of queries, which begins at token `at` of a causal row."""
    weights = (q @ k.transpose(-1, -2) * scale - lse[..., None]).exp()
    if at is not None:
        weights = weights.tril(at)
    whole = torch.nn.functional.pad(weights.sum(2), (0, -k.shape[2] % block))
    return whole.view(*whole.shape[:2], -1, block).sum(-1).float()


def kept_mass(mass: torch.Tensor, table: BlockTable) -> torch.Tensor:
    """[B, H]: the share of all attention that a table's blocks get."""
    return (mass * table.blocks()).sum((2, 3)) / mass.sum((2, 3))
