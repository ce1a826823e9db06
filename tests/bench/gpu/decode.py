"""MoA: decoding with spans of its own for every head."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from edge.gpu.attention.decode import decode_attention, last_blocks
from edge.gpu.attention.decode_blocks import DecodeBlocks
from edge.gpu.attention.policies.moa_span import MoASpan
from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.timing import median_ms


def _blocks(setting: Setting, context: int, heads: int, block: int) -> DecodeBlocks:
    """Spans from a 32nd of the past to all of it, by head, and a first block."""
    shares = torch.logspace(-5, 0, heads, base=2.0).tolist()
    spans = tuple(MoASpan(0, share, 1, block) for share in shares)
    return DecodeBlocks.of(last_blocks(spans, context).to(setting.device), heads, block)


class _Layer:
    """A decoder layer's products for one token a sequence, Llama-2-7B's shape, around attention."""

    def __init__(self, setting: Setting) -> None:
        self.heads, self.width, hidden = setting.pick((32, 128, 11008), (4, 16, 96))
        size = self.heads * self.width
        self.qkv, self.out = setting.random(3 * size, size), setting.random(size, size, seed=1)
        self.gate = setting.random(hidden, size, seed=2)
        self.down = setting.random(size, hidden, seed=3)

    def __call__(self, x: torch.Tensor, attend: partial[torch.Tensor]) -> torch.Tensor:
        q, _, _ = linear(x, self.qkv).chunk(3, -1)
        seen = attend(q.view(len(x), self.heads, 1, self.width))
        x = linear(seen.flatten(1), self.out)
        inner = linear(x, self.gate)
        return linear(silu(inner) * inner, self.down)


def _dense(k: torch.Tensor, v: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    return scaled_dot_product_attention(q, k, v)


def _sparse(
    k: torch.Tensor, v: torch.Tensor, blocks: DecodeBlocks, q: torch.Tensor
) -> torch.Tensor:
    return decode_attention(q, k, v, blocks, backend="triton")[0]


def moa(setting: Setting) -> Iterator[Row]:
    """One layer's step, times the layers; K/V read is the density, all of it is still held."""
    context, block = setting.pick(16384, 128), setting.pick(64, 16)
    layer, layers = _Layer(setting), setting.pick(32, 2)
    blocks = _blocks(setting, context, layer.heads, block)
    density = float(blocks.chosen.float().mean())
    for batch in setting.pick((1, 16, 64), (2,)):
        shape = batch, layer.heads, context, layer.width
        k, v = setting.random(*shape), setting.random(*shape, seed=1)
        x = setting.random(batch, layer.heads * layer.width, seed=2)
        ours = median_ms(partial(layer, x, partial(_sparse, k, v, blocks)))
        dense = median_ms(partial(layer, x, partial(_dense, k, v)))
        yield Row(
            f"batch {batch}, {context:,} tokens, {layers} layers",
            batch * 1e3 / ours / layers, batch * 1e3 / dense / layers, "tokens per s", 6.0, density,
            error_4k=_error(setting, block),
            note=f"attention and products; K/V read {density:.0%}",
            met=dense / ours >= 6 and density <= 0.5,
        )  # fmt: skip


def _error(setting: Setting, block: int) -> float:
    """Of the kernel against the reference with the same spans, in float32 at 4,096 tokens."""
    heads, width, context = 32, 128, 4096
    if setting.tiny:
        heads, width, context = 4, 16, 96
    k, v = (setting.random(1, heads, context, width, seed=s, dtype=torch.float32) for s in (0, 1))
    q = setting.random(1, heads, 1, width, seed=2, dtype=torch.float32)
    blocks = _blocks(setting, context, heads, block)
    ours, _ = decode_attention(q, k, v, blocks, backend="triton")
    wanted, _ = decode_attention(q, k, v, blocks, backend="reference")
    return float((ours - wanted).norm() / wanted.norm())
