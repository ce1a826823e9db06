"""Gradients of block-sparse attention in Triton: of queries a row of the table at a time, of keys
and values a column at a time (Dao 2023, FlashAttention-2, arXiv:2307.08691)."""

from __future__ import annotations

import torch

from edge.gpu.attention.table import BlockTable
from edge.gpu.interpreter import tl, triton


@triton.jit  # type: ignore[untyped-decorator]
def _slopes(q, k, v, grad, lse, delta, tokens, past, length, scale, CAUSAL: tl.constexpr):  # type: ignore[no-untyped-def]
    """Of a block of queries and one of keys: the weights and the gradients of the scores."""
    scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
    seen = (tokens[:, None] >= past[None, :] * CAUSAL) & (past[None, :] < length)
    seen = seen & (tokens[:, None] < length)
    weights = tl.where(seen, tl.exp(scores - lse[:, None]), 0.0)
    products = tl.dot(grad, tl.trans(v), input_precision="ieee")
    return weights, weights * (products - delta[:, None]) * scale


@triton.jit  # type: ignore[untyped-decorator]
def _query_gradients(  # type: ignore[no-untyped-def]
    queries, keys, values, grads, lse, delta, outputs, column, count, length, slots, scale,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, BLOCK: tl.constexpr,
    ROWS: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    """One block of queries: the sum over the key blocks that its row lists."""
    row, head = tl.program_id(0), tl.program_id(1)
    key_head = (head // HEADS) * (HEADS // GROUP) + (head % HEADS) // GROUP
    key_at = key_head.to(tl.int64) * length * DIM
    tokens, dims = row * BLOCK + tl.arange(0, BLOCK), tl.arange(0, DIM)
    at = head.to(tl.int64) * length * DIM + tokens[:, None] * DIM + dims[None, :]
    q = tl.load(queries + at, mask=tokens[:, None] < length, other=0.0)
    grad = tl.load(grads + at, mask=tokens[:, None] < length, other=0.0)
    one = head.to(tl.int64) * length + tokens
    top = tl.load(lse + one, mask=tokens < length, other=0.0)
    less = tl.load(delta + one, mask=tokens < length, other=0.0)
    total = tl.zeros((BLOCK, DIM), tl.float32)
    for slot in range(0, tl.load(count + head * ROWS + row)):
        block = tl.load(column + (head * ROWS + row) * slots + slot)
        past = block * BLOCK + tl.arange(0, BLOCK)
        place = key_at + past[:, None] * DIM + dims[None, :]
        k = tl.load(keys + place, mask=past[:, None] < length, other=0.0)
        v = tl.load(values + place, mask=past[:, None] < length, other=0.0)
        _, slope = _slopes(q, k, v, grad, top, less, tokens, past, length, scale, CAUSAL)
        total += tl.dot(slope.to(k.dtype), k, input_precision="ieee")
    tl.store(outputs + at, total.to(outputs.dtype.element_ty), mask=tokens[:, None] < length)


@triton.jit  # type: ignore[untyped-decorator]
def _key_gradients(  # type: ignore[no-untyped-def]
    queries, keys, values, grads, lse, delta, key_outputs, value_outputs, rows, count, length,
    slots, scale,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, BLOCK: tl.constexpr,
    ROWS: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    """One block of keys: the sum over the query blocks that list it, in every head of the group."""
    block, key_head = tl.program_id(0), tl.program_id(1)
    past, dims = block * BLOCK + tl.arange(0, BLOCK), tl.arange(0, DIM)
    place = key_head.to(tl.int64) * length * DIM + past[:, None] * DIM + dims[None, :]
    k = tl.load(keys + place, mask=past[:, None] < length, other=0.0)
    v = tl.load(values + place, mask=past[:, None] < length, other=0.0)
    of_keys = tl.zeros((BLOCK, DIM), tl.float32)
    of_values = tl.zeros((BLOCK, DIM), tl.float32)
    for member in range(0, GROUP):
        head = key_head * GROUP + member
        query_at = head.to(tl.int64) * length
        for slot in range(0, tl.load(count + head * ROWS + block)):
            row = tl.load(rows + (head * ROWS + block) * slots + slot)
            tokens = row * BLOCK + tl.arange(0, BLOCK)
            at = (query_at + tokens[:, None]) * DIM + dims[None, :]
            q = tl.load(queries + at, mask=tokens[:, None] < length, other=0.0)
            grad = tl.load(grads + at, mask=tokens[:, None] < length, other=0.0)
            top = tl.load(lse + query_at + tokens, mask=tokens < length, other=0.0)
            less = tl.load(delta + query_at + tokens, mask=tokens < length, other=0.0)
            weights, slope = _slopes(q, k, v, grad, top, less, tokens, past, length, scale, CAUSAL)
            of_values += tl.dot(tl.trans(weights).to(grad.dtype), grad, input_precision="ieee")
            of_keys += tl.dot(tl.trans(slope).to(q.dtype), q, input_precision="ieee")
    there = past[:, None] < length
    tl.store(key_outputs + place, of_keys.to(key_outputs.dtype.element_ty), mask=there)
    tl.store(value_outputs + place, of_values.to(value_outputs.dtype.element_ty), mask=there)


Gradients = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def triton_gradients(
    inputs: Gradients, outputs: torch.Tensor, lse: torch.Tensor, grads: torch.Tensor,
    lse_grads: torch.Tensor, table: BlockTable, scale: float,
) -> Gradients:  # fmt: skip
    """Gradients of queries, keys and values, of those of outputs [B, H, T, D] and lse [B, H, T].

    `inputs` are queries, keys and values, and outputs and lse what the forward pass gave for them,
    all contiguous.
    """
    q, k, v = inputs
    delta = (outputs.float() * grads.float()).sum(-1) - lse_grads
    found = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
    shared = q, k, v, grads.contiguous(), lse, delta.contiguous()
    sizes = {"HEADS": q.shape[1], "GROUP": q.shape[1] // k.shape[1], "DIM": q.shape[3],
             "BLOCK": table.block, "ROWS": table.rows, "CAUSAL": int(table.causal)}  # fmt: skip
    _query_gradients[(table.rows, q.shape[0] * q.shape[1])](
        *shared, found[0], table.column, table.count.contiguous(), q.shape[2],
        table.column.shape[-1], scale, **sizes,
    )  # fmt: skip
    count, rows = table.transposed()
    _key_gradients[(table.rows, k.shape[0] * k.shape[1])](
        *shared, found[1], found[2], rows, count, q.shape[2], rows.shape[-1], scale, **sizes,
    )  # fmt: skip
    return found
