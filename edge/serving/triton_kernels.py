"""Grouped LoRA in Triton for decoding: a program a token, shrink then expand over scattered pages.

As Punica's kernels (Chen et al. 2023, arXiv:2310.18547) but with a page for each rank.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from edge.gpu.interpreter import tl, triton
from edge.serving.pool import Pages

_BLOCK = 64


@triton.jit  # type: ignore[untyped-decorator]
def _shrink(  # type: ignore[no-untyped-def]
    x, arena, pages, ranks, narrow, inputs, width, RANK: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """narrow[token, rank] = x[token] . the page of the rank."""
    token, rank = tl.program_id(0).to(tl.int64), tl.arange(0, RANK)
    used = rank < tl.load(ranks + token)
    page = tl.load(pages + token * RANK + rank, mask=used, other=0)
    sums = tl.zeros((RANK,), tl.float32)
    for first in range(0, inputs, BLOCK):
        column = first + tl.arange(0, BLOCK)
        there = used[:, None] & (column < inputs)
        rows = tl.load(arena + page[:, None] * width + column, mask=there, other=0.0)
        values = tl.load(x + token * inputs + column, mask=column < inputs, other=0.0)
        sums += tl.sum(rows.to(tl.float32) * values.to(tl.float32), 1)
    tl.store(narrow + token * RANK + rank, sums)


@triton.jit  # type: ignore[untyped-decorator]
def _expand(  # type: ignore[no-untyped-def]
    y, narrow, arena, pages, ranks, scales, outputs, width,
    RANK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """y[token] += scale * the pages weighted by narrow[token]."""
    token, rank = tl.program_id(0).to(tl.int64), tl.arange(0, RANK)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    used = rank < tl.load(ranks + token)
    page = tl.load(pages + token * RANK + rank, mask=used, other=0)
    there = used[:, None] & (column < outputs)
    rows = tl.load(arena + page[:, None] * width + column, mask=there, other=0.0)
    weights = tl.load(narrow + token * RANK + rank)
    added = tl.sum(rows.to(tl.float32) * weights[:, None], 0) * tl.load(scales + token)
    at = y + token * outputs + column
    before = tl.load(at, mask=column < outputs, other=0.0).to(tl.float32)
    tl.store(at, (before + added).to(y.dtype.element_ty), mask=column < outputs)


def triton_lora_(
    y: torch.Tensor, x: torch.Tensor, arena: torch.Tensor, parts: Sequence[Pages | None]
) -> None:
    """Add to y [tokens, outputs], which is contiguous, what the pages of each token make of x."""
    most = max((len(part.down) for part in parts if part), default=0)
    if not most:
        return
    rank, device = triton.next_power_of_2(most), x.device
    down, up = (_table([getattr(part, side, ()) for part in parts], rank).to(device)
                for side in ("down", "up"))  # fmt: skip
    ranks = torch.tensor([len(part.down) if part else 0 for part in parts], device=device)
    scales = torch.tensor([part.scale if part else 0.0 for part in parts], device=device)
    narrow = torch.empty(len(parts), rank, device=device)
    inputs, outputs, width = x.shape[1], y.shape[1], arena.shape[1]
    _shrink[(len(parts),)](
        x.contiguous(), arena, down, ranks, narrow, inputs, width, RANK=rank, BLOCK=_BLOCK
    )
    _expand[(len(parts), -(-outputs // _BLOCK))](
        y, narrow, arena, up, ranks, scales, outputs, width, RANK=rank, BLOCK=_BLOCK
    )


def _table(pages: Sequence[Sequence[int]], rank: int) -> torch.Tensor:
    """int64[tokens, rank], zeros after the pages of a token."""
    return torch.tensor([[*row, *[0] * (rank - len(row))] for row in pages])
