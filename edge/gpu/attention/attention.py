"""sparse_attention: one call, three backends with one result."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edge.errors import fail
from edge.gpu.attention.reference import reference_attention
from edge.gpu.attention.table import BlockTable

Backend = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, BlockTable, float],
    tuple[torch.Tensor, torch.Tensor],
]


def _flex() -> Backend:
    from edge.gpu.attention.flex import flex_attention

    return flex_attention


def _triton() -> Backend:
    from edge.gpu.attention.triton_autograd import differentiable_attention

    return differentiable_attention


def _reference() -> Backend:
    return reference_attention


BACKENDS: dict[str, Callable[[], Backend]] = {
    "reference": _reference,
    "flex": _flex,
    "triton": _triton,
}


def sparse_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    table: BlockTable,
    *,
    scale: float | None = None,
    backend: str = "auto",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Causal attention of queries [B, H, T, D] to keys and values [B, G, T, D] that a table names.

    G divides H. Gives outputs [B, H, T, D] and the log of the sum of exponentials [B, H, T], with
    which `merged` joins results. "auto" is "flex" on a GPU and "reference" elsewhere. Raises
    EdgeError E0071 for an unknown backend or a table for another number of heads or tokens.
    """
    if backend == "auto":
        backend = "flex" if q.is_cuda else "reference"
    if backend not in BACKENDS:
        raise fail("E0071", f"no attention backend {backend!r}",
                   help=[f"one of {', '.join(BACKENDS)}"])  # fmt: skip
    if table.count.shape[1] != q.shape[1] or table.length != q.shape[2]:
        raise fail(
            "E0071", f"the table is for {table.count.shape[1]} heads and {table.length} tokens",
            help=[f"the queries have {q.shape[1]} heads and {q.shape[2]} tokens"],
        )  # fmt: skip
    return BACKENDS[backend]()(q, k, v, table, scale or q.shape[-1] ** -0.5)


def merged(
    first: tuple[torch.Tensor, torch.Tensor], second: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention over two disjoint sets of keys from that over each."""
    (one, one_lse), (two, two_lse) = first, second
    lse = torch.logaddexp(one_lse, two_lse)
    weights = (one_lse - lse).exp()[..., None], (two_lse - lse).exp()[..., None]
    return one * weights[0] + two * weights[1], lse
