"""Prefill attention, the block-sparse kernel, LocalStride with its backward pass, HiP."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch.nn.functional import pad, scaled_dot_product_attention

from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.policies.hip_tree import HiPTree
from edge.gpu.attention.policies.local_stride import LocalStride
from edge.gpu.attention.policies.policy import Policy
from edge.gpu.attention.policies.vertical_slash import VerticalSlash
from edge.gpu.attention.table import BlockTable
from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.timing import median_ms

QKV = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

_BLOCK_PAIRS = 2**28
"""Pairs of blocks whose flags a table may hold at once."""


def heads(setting: Setting) -> tuple[int, int, int]:
    """Query heads, key heads and width of a head: Llama-3-8B's."""
    return setting.pick((32, 8, 128), (4, 2, 16))


def random_qkv(setting: Setting, length: int, batch: int = 1) -> QKV:
    queries, keys, width = heads(setting)
    return (
        setting.random(batch, queries, length, width),
        setting.random(batch, keys, length, width, seed=1),
        setting.random(batch, keys, length, width, seed=2),
    )


def banded_qkv(setting: Setting, length: int) -> QKV:
    """Random, with what makes attention of language models sparse: rotary phases that favour the
    near past, and 16 runs of keys that all queries look at. Noise alone has no columns and
    diagonals to find.
    """
    q, k, v = random_qkv(setting, length)
    width = q.shape[-1]
    turns = 10000.0 ** (-torch.arange(0, width, 2, device=q.device) / width)
    angle = torch.arange(length, device=q.device)[:, None] * turns
    phases = torch.cat([angle.cos(), angle.sin()], -1).to(q.dtype)
    start = torch.arange(16, device=q.device) * (length // 16)
    run = (start[:, None] + torch.arange(max(length // 2048, 1), device=q.device)).flatten()
    common = setting.random(width, seed=3)
    k = 0.5 * k + phases
    k[:, :, run] += common
    return 0.5 * q + phases + 0.5 * common, k, v


def dense(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


def table_by_heads(policy: Policy, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
    """The policy's table, made for as many groups of heads at once as memory allows."""
    group = q.shape[1] // k.shape[1]
    rows = -(-q.shape[2] // policy.block)
    at_once = min(max(_BLOCK_PAIRS // (rows * rows * group), 1), k.shape[1])
    parts = [
        policy.table(q[:, at * group : (at + at_once) * group], k[:, at : at + at_once], scale)
        for at in range(0, k.shape[1], at_once)
    ]
    width = max(part.column.shape[-1] for part in parts)
    columns = [pad(p.column, (0, width - p.column.shape[-1])) for p in parts]
    counts = torch.cat([part.count for part in parts], 1)
    return replace(parts[0], count=counts, column=torch.cat(columns, 1))


def _sparse(
    setting: Setting, case: str, policy: Policy, qkv: QKV, target: float, error: float
) -> Row:
    """Kernel and index of one policy against dense attention."""
    q, k, v = qkv
    scale = q.shape[-1] ** -0.5
    index = partial(table_by_heads, policy, q, k, scale)
    index_ms, table = median_ms(index), index()
    kernel_ms = median_ms(partial(sparse_attention, q, k, v, table, scale=scale, backend="triton"))
    return Row(
        case, kernel_ms + index_ms, median_ms(partial(dense, q, k, v)), target=target,
        density=table.density(), index_ms=index_ms, error_4k=error,
    )  # fmt: skip


def error_at_4k(
    setting: Setting, policy: Policy, make: Callable[[Setting, int], QKV] = random_qkv
) -> float:
    """Relative error of the policy's output against dense attention, at 4,096 tokens."""
    q, k, v = make(setting, setting.pick(4096, 96))
    table = policy.table(q, k, q.shape[-1] ** -0.5)
    wanted = dense(q, k, v).float()
    output, _ = sparse_attention(q, k, v, table, backend="triton")
    return float((output.float() - wanted).norm() / wanted.norm())


def prefill(setting: Setting) -> Iterator[Row]:
    """MInference's default budget; what is kept at 4,096 tokens is the same share."""
    block = setting.pick(64, 16)
    for length, target in setting.pick(
        {131072: 3.0, 524288: 8.0, 1048576: 12.0}, {128: 0.0}
    ).items():
        policy = setting.pick(VerticalSlash(), VerticalSlash(8, 32, 1, 4, 16, block))
        share = setting.pick(4096, 96) / length
        fewer = replace(policy, columns=math.ceil(policy.columns * share),
                        slashes=math.ceil(policy.slashes * share))  # fmt: skip
        error = error_at_4k(setting, fewer, banded_qkv)
        qkv = banded_qkv(setting, length)
        yield _sparse(setting, f"vertical-slash, {length:,} tokens", policy, qkv, target, error)


def random_table(setting: Setting, length: int, density: float, block: int) -> BlockTable:
    rows, queries = -(-length // block), heads(setting)[0]
    generator = torch.Generator(setting.device).manual_seed(4)
    shape = (1, queries, rows, rows)
    chosen = torch.rand(shape, generator=generator, device=setting.device) < density
    return BlockTable.from_blocks(chosen, block, length)


def block_sparse(setting: Setting) -> Iterator[Row]:
    """A random table of a tenth of the blocks: 6 times, and 70 % of what the density allows."""
    length = setting.pick(32768, 128)
    q, k, v = random_qkv(setting, length)
    wanted = median_ms(partial(dense, q, k, v))
    for backend, block in setting.pick({"triton": 64, "flex": 128}, {"triton": 16}).items():
        table = random_table(setting, length, 0.1, block)
        ours = median_ms(partial(sparse_attention, q, k, v, table, backend=backend))
        share = wanted / ours * table.density()
        yield Row(
            f"{backend}, {length:,} tokens", ours, wanted, target=6.0, density=table.density(),
            error_4k=_kernel_error(setting, backend, block),
            note=f"{share:.0%} of 1/density", met=wanted / ours >= 6 and share >= 0.7,
        )  # fmt: skip


def _kernel_error(setting: Setting, backend: str, block: int) -> float:
    """Of a backend against the reference with the same table, in float32 at 4,096 tokens."""
    length = setting.pick(4096, 96)
    q, k, v = (x[:, :, :length].float() for x in random_qkv(setting, length))
    table = random_table(setting, length, 0.1, block)
    ours, _ = sparse_attention(q, k, v, table, backend=backend)
    wanted, _ = sparse_attention(q, k, v, table, backend="reference")
    return float((ours - wanted).norm() / wanted.norm())


def _with_gradients(
    attend: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor], qkv: QKV
) -> None:
    parts = [part.detach().requires_grad_() for part in qkv]
    output = attend(*parts)
    output.backward(torch.ones_like(output))


def local_stride(setting: Setting) -> Iterator[Row]:
    """Forward and backward. A block of 16 near ones and every 32nd of the others."""
    length = setting.pick(131072, 128)
    policy = setting.pick(LocalStride(16, 32), LocalStride(1, 4, 16))
    qkv = random_qkv(setting, length)
    index = partial(table_by_heads, policy, qkv[0], qkv[1], 1.0)
    index_ms, table = median_ms(index), index()

    def ours(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return sparse_attention(q, k, v, table, backend="triton")[0]

    sparse_ms = median_ms(partial(_with_gradients, ours, qkv))
    yield Row(
        f"{policy.local} near + 1 of {policy.stride} blocks, {length:,} tokens, forward + backward",
        sparse_ms, median_ms(partial(_with_gradients, dense, qkv)), target=20.0,
        density=table.density(), index_ms=index_ms, error_4k=error_at_4k(setting, policy),
        note="the table depends on positions alone and is made once",
    )  # fmt: skip


def hip(setting: Setting) -> Iterator[Row]:
    """Index and kernel; the log of the index time over that of T log T has a slope near 1."""
    lengths = setting.pick([2**n for n in range(15, 21)], [64, 128])
    policy = setting.pick(HiPTree(8), HiPTree(2, block=16))
    error, sizes, times = error_at_4k(setting, policy), [], []
    for length in lengths:
        target = 5.0 if length >= 2**19 else None
        row = _sparse(setting, f"{length:,} tokens", policy, random_qkv(setting, length),
                      target or 0.0, error)  # fmt: skip
        sizes.append(math.log(length * math.log(length)))
        times.append(math.log(row.index_ms or 1.0))
        yield replace(row, target=target)
    slope = _slope(sizes, times)
    yield Row("slope of index time in T log T", note=f"{slope:.2f}", met=0.8 <= slope <= 1.2)


def _slope(x: list[float], y: list[float]) -> float:
    at = sum(x) / len(x)
    across = sum((a - at) ** 2 for a in x)
    return sum((a - at) * b for a, b in zip(x, y, strict=True)) / across
