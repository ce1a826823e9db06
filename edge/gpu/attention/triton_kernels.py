"""Block-sparse attention in Triton: a program a block of queries of one head."""

from __future__ import annotations

import torch

from edge.gpu.attention.table import BlockTable
from edge.gpu.interpreter import tl, triton


@triton.jit
def absorbed(scores, v, top, total, sums):  # type: ignore[no-untyped-def]
    """A running softmax with one block more: its maxima, sums of exponentials and of values."""
    higher = tl.maximum(top, tl.max(scores, 1))
    finite = tl.where(higher == -float("inf"), 0.0, higher)
    weights = tl.exp(scores - finite[:, None])
    shrink = tl.exp(top - finite)
    total = total * shrink + tl.sum(weights, 1)
    product = tl.dot(weights.to(v.dtype), v, input_precision="ieee")
    return higher, total, sums * shrink[:, None] + product


@triton.jit  # type: ignore[untyped-decorator]
def _forward(  # type: ignore[no-untyped-def]
    queries, keys, values, outputs, lse, column, count, length, slots, scale,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, BLOCK: tl.constexpr,
    ROWS: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    """One block of queries: a running softmax over the key blocks that its row lists."""
    row, head = tl.program_id(0), tl.program_id(1)
    query_at = head.to(tl.int64) * length * DIM
    key_head = (head // HEADS) * (HEADS // GROUP) + (head % HEADS) // GROUP
    key_at = key_head.to(tl.int64) * length * DIM
    tokens, dims = row * BLOCK + tl.arange(0, BLOCK), tl.arange(0, DIM)
    there = tokens[:, None] < length
    q = tl.load(queries + query_at + tokens[:, None] * DIM + dims, mask=there, other=0.0)
    top = tl.full((BLOCK,), -float("inf"), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    sums = tl.zeros((BLOCK, DIM), tl.float32)
    list_at = (head.to(tl.int64) * ROWS + row) * slots
    for slot in range(0, tl.load(count + head * ROWS + row)):
        block = tl.load(column + list_at + slot)
        past = block * BLOCK + tl.arange(0, BLOCK)
        at = key_at + past[:, None] * DIM + dims
        k = tl.load(keys + at, mask=past[:, None] < length, other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        seen = (tokens[:, None] >= past * CAUSAL) & (past < length)
        scores = tl.where(seen, scores, -float("inf"))
        v = tl.load(values + at, mask=past[:, None] < length, other=0.0)
        top, total, sums = absorbed(scores, v, top, total, sums)
    total = tl.where(total == 0, 1.0, total)
    at = query_at + tokens[:, None] * DIM + dims
    tl.store(outputs + at, (sums / total[:, None]).to(outputs.dtype.element_ty), mask=there)
    tl.store(lse + head * length + tokens, top + tl.log(total), mask=tokens < length)


def warps(block: int) -> int:
    """Of a program whose sums are block x D numbers in registers."""
    return 8 if block >= 128 else 4


def triton_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, table: BlockTable, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs [B, H, T, D] and the log of the sum of exponentials [B, H, T].

    D and the block are powers of two, 16 at least. Without a GPU it runs in Triton's interpreter,
    which proves indexing and arithmetic, not speed.
    """
    batch, heads, length, dim = q.shape
    outputs = torch.empty_like(q, memory_format=torch.contiguous_format)
    lse = torch.empty(batch, heads, length, dtype=torch.float32, device=q.device)
    _forward[(table.rows, batch * heads)](
        q.contiguous(), k.contiguous(), v.contiguous(), outputs, lse,
        table.column, table.count.contiguous(), length, table.column.shape[-1], scale,
        HEADS=heads, GROUP=heads // k.shape[1], DIM=dim, BLOCK=table.block, ROWS=table.rows,
        CAUSAL=int(table.causal), num_warps=warps(table.block),
    )  # fmt: skip
    return outputs, lse
