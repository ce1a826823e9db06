"""Attention of one query in Triton: the key blocks are split among programs and merged after
(Flash-Decoding, Dao et al. 2023; sums merged by their log, as Milakov & Gimelshein 2018,
arXiv:1805.02867)."""

from __future__ import annotations

import torch

from edge.gpu.attention.decode_blocks import DecodeBlocks
from edge.gpu.attention.triton_kernels import absorbed
from edge.gpu.interpreter import tl, triton

_PROGRAMS, _SPLITS = 512, 64
"""About four for each multiprocessor of a large GPU; shares of a head that one program merges."""


@triton.jit  # type: ignore[untyped-decorator]
def _partial(  # type: ignore[no-untyped-def]
    queries, keys, values, outputs, lse, column, count, member, length, slots, each, listed, scale,
    key_batch, key_head, key_token, value_batch, value_head, value_token,
    GROUPS: tl.constexpr, GROUP: tl.constexpr, WIDE: tl.constexpr, DIM: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """One share of the listed blocks, for all query heads of a group; keys are read once."""
    pair, split = tl.program_id(0), tl.program_id(1)
    batch, group = (pair // GROUPS).to(tl.int64), pair % GROUPS
    rows, dims = tl.arange(0, WIDE), tl.arange(0, DIM)
    head = pair * GROUP + rows
    there = rows < GROUP
    q = tl.load(queries + head[:, None] * DIM + dims, mask=there[:, None], other=0.0)
    top = tl.full((WIDE,), -float("inf"), tl.float32)
    total = tl.zeros((WIDE,), tl.float32)
    sums = tl.zeros((WIDE, DIM), tl.float32)
    row = pair % listed
    end = tl.minimum((split + 1) * each, tl.load(count + row))
    for slot in range(split * each, end):
        past = tl.load(column + row * slots + slot) * BLOCK + tl.arange(0, BLOCK)
        held = past[:, None] < length
        mine = tl.load(member + (row * GROUP + rows) * slots + slot, mask=there, other=0)
        at = keys + batch * key_batch + group * key_head
        k = tl.load(at + past[:, None].to(tl.int64) * key_token + dims, mask=held, other=0.0)
        at = values + batch * value_batch + group * value_head
        v = tl.load(at + past[:, None].to(tl.int64) * value_token + dims, mask=held, other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        seen = (past < length) & (mine[:, None] != 0)
        scores = tl.where(seen, scores, -float("inf"))
        top, total, sums = absorbed(scores, v, top, total, sums)
    total = tl.where(total == 0, 1.0, total)
    place = head * tl.num_programs(1) + split
    tl.store(outputs + place[:, None] * DIM + dims, sums / total[:, None], mask=there[:, None])
    tl.store(lse + place, top + tl.log(total), mask=there)


@triton.jit  # type: ignore[untyped-decorator]
def _merge(  # type: ignore[no-untyped-def]
    parts, parts_lse, outputs, lse, splits, WIDE: tl.constexpr, DIM: tl.constexpr
):  # fmt: skip
    """The shares of one head, weighted by their sums of exponentials."""
    head, split, dims = tl.program_id(0), tl.arange(0, WIDE), tl.arange(0, DIM)
    there = split < splits
    sizes = tl.load(parts_lse + head * splits + split, mask=there, other=-float("inf"))
    top = tl.max(sizes, 0)
    weights = tl.exp(sizes - top)
    total = tl.sum(weights, 0)
    at = parts + (head * splits + split)[:, None] * DIM + dims
    values = tl.load(at, mask=there[:, None], other=0.0)
    merged = tl.sum(values * weights[:, None], 0) / total
    tl.store(outputs + head * DIM + dims, merged.to(outputs.dtype.element_ty))
    tl.store(lse + head, top + tl.log(total))


def triton_decode(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, blocks: DecodeBlocks, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs [B, H, 1, D] and the log of the sum of exponentials [B, H, 1].

    D and the block are powers of two, 16 at least.
    """
    batch, heads, _, dim = q.shape
    groups, slots, group = k.shape[1], blocks.column.shape[-1], heads // k.shape[1]
    each = -(-slots // max(1, min(slots, _SPLITS, _PROGRAMS // (batch * groups))))
    splits = -(-slots // each)
    parts = torch.empty(batch, heads, splits, dim, dtype=torch.float32, device=q.device)
    parts_lse = torch.empty(batch, heads, splits, dtype=torch.float32, device=q.device)
    output, lse = torch.empty_like(q), torch.empty_like(parts_lse[..., :1])
    _partial[(batch * groups, splits)](
        q.contiguous(), k, v, parts, parts_lse, blocks.column, blocks.count,
        blocks.member.to(torch.uint8), k.shape[2], slots, each, blocks.count.numel(), scale,
        *k.stride()[:3], *v.stride()[:3], GROUPS=groups, GROUP=group,
        WIDE=max(16, triton.next_power_of_2(group)), DIM=dim, BLOCK=blocks.block,
    )  # fmt: skip
    _merge[(batch * heads,)](
        parts, parts_lse, output, lse, splits, WIDE=triton.next_power_of_2(splits), DIM=dim
    )
    return output, lse
