"""The attention of each pair of blocks in Triton: a program a block of queries of one head."""

from __future__ import annotations

import torch

from edge.gpu.attention.triton_kernels import warps
from edge.gpu.interpreter import tl, triton


@triton.jit  # type: ignore[untyped-decorator]
def _mass(  # type: ignore[no-untyped-def]
    queries, keys, lse, mass, length, rows, scale,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, BLOCK: tl.constexpr,
    CAUSAL: tl.constexpr,
):  # fmt: skip
    """The row's sums over all blocks of keys; those that it does not see are zero."""
    row, head = tl.program_id(0), tl.program_id(1)
    query_at = head.to(tl.int64) * length * DIM
    key_head = (head // HEADS) * (HEADS // GROUP) + (head % HEADS) // GROUP
    key_at = key_head.to(tl.int64) * length * DIM
    tokens, dims = row * BLOCK + tl.arange(0, BLOCK), tl.arange(0, DIM)
    there = tokens[:, None] < length
    q = tl.load(queries + query_at + tokens[:, None] * DIM + dims, mask=there, other=0.0)
    size = tl.load(lse + head * length + tokens, mask=tokens < length, other=0.0)
    for block in range(0, rows):
        past = block * BLOCK + tl.arange(0, BLOCK)
        at = key_at + past[:, None] * DIM + dims
        k = tl.load(keys + at, mask=past[:, None] < length, other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale - size[:, None]
        seen = there & (past < length) & (tokens[:, None] >= past * CAUSAL)
        weights = tl.exp(tl.where(seen, scores, -float("inf")))
        place = (head.to(tl.int64) * rows + row) * rows + block
        tl.store(mass + place, tl.sum(tl.sum(weights, 1), 0))


def triton_mass(
    q: torch.Tensor, k: torch.Tensor, lse: torch.Tensor, scale: float, block: int, causal: bool
) -> torch.Tensor:
    """[B, H, R, R], float32; D and the block are powers of two, 16 at least."""
    batch, heads, length, dim = q.shape
    rows = -(-length // block)
    mass = torch.empty(batch, heads, rows, rows, dtype=torch.float32, device=q.device)
    _mass[(rows, batch * heads)](
        q.contiguous(), k.contiguous(), lse.contiguous(), mass, length, rows, scale,
        HEADS=heads, GROUP=heads // k.shape[1], DIM=dim, BLOCK=block, CAUSAL=int(causal),
        num_warps=warps(block),
    )  # fmt: skip
    return mass
