"""A diffusion transformer's block over all steps of a sampler, its table searched at a few."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch.nn.functional import gelu, linear, normalize, scaled_dot_product_attention

from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.lse_cached import CachedAttention, LSECached
from edge.gpu.attention.mass import block_mass, kept_mass
from tests.bench.gpu.row import Row, Setting, mean
from tests.bench.gpu.timing import median_ms

QK = tuple[torch.Tensor, torch.Tensor]


class _Block:
    """HunyuanVideo's shape: attention and the products around it."""

    def __init__(self, setting: Setting, tokens: int) -> None:
        self.setting, self.tokens = setting, tokens
        self.heads, self.width = setting.pick((24, 128), (2, 16))
        size = self.heads * self.width
        self.x = setting.random(1, tokens, size)
        self.qkv, self.out = setting.random(3 * size, size), setting.random(size, size, seed=1)
        self.up, self.down = setting.random(4 * size, size), setting.random(size, 4 * size, seed=2)

    def qk(self, step: int, block: int) -> QK:
        """Random, but each block of queries looks at a few of keys; it drifts step by step."""
        setting, count = self.setting, -(-self.tokens // block)
        topics = normalize(setting.random(self.heads, count, self.width, seed=3), dim=-1)
        topics = topics.repeat_interleave(block, 1)[None, :, : self.tokens] * self.width**0.5
        shape = (1, self.heads, self.tokens, self.width)
        drift = 0.01 * step * setting.random(*shape, seed=4)
        sharpness = torch.linspace(0.5, 1.5, self.heads, device=setting.device)[:, None, None]
        q = topics * sharpness.to(topics) + 0.5 * setting.random(*shape, seed=5) + drift
        return q.contiguous(), (topics + 0.5 * setting.random(*shape, seed=6)).contiguous()

    def products(self, seen: torch.Tensor) -> torch.Tensor:
        """What a block does besides attention."""
        linear(self.x, self.qkv)
        x = linear(seen.transpose(1, 2).flatten(2), self.out)
        return linear(gelu(linear(x, self.up)), self.down)


def dit(setting: Setting) -> Iterator[Row]:
    """50 steps, of which those of a search are measured, and those halfway to the next one."""
    tokens, steps, block = setting.pick((110_000, 50, 128), (96, 4, 16))
    layer = _Block(setting, tokens)
    v = setting.random(1, layer.heads, tokens, layer.width, seed=7)
    policy = LSECached(steps=setting.pick((0, 15, 30), (0,)), block=block)
    cached = CachedAttention(policy)
    searched, sparse, dense, recalls = [], [], [], []
    for step, after in pairwise((*policy.steps, steps)):
        searched.append(_step_ms(layer, cached, v, step))
        sparse += [_step_ms(layer, cached, v, (step + after) // 2)] * (after - step - 1)
        dense.append(_step_ms(layer, None, v, step))
        recalls.append(_recall(layer, cached, after - 1))
    assert cached.table is not None
    density = cached.table.density()
    yield Row(
        f"{tokens:,} tokens, {steps} steps, {len(policy.steps)} searches, recall {policy.recall}",
        sum(searched) + sum(sparse), mean(dense) * steps, target=1.8,
        density=(density * len(sparse) + len(searched)) / steps,
        index_ms=mean(searched) - mean(dense), error_4k=_error(setting, policy),
        note=f"a block's attention and products; index is what a search adds; "
             f"least recall {min(recalls):.3f}",
    )  # fmt: skip


def _step_ms(layer: _Block, cached: CachedAttention | None, v: torch.Tensor, step: int) -> float:
    """Of a block at a step, dense without a cache."""
    q, k = layer.qk(step, cached.policy.block if cached else 128)

    def run() -> torch.Tensor:
        if cached is None:
            return layer.products(scaled_dot_product_attention(q, k, v))
        return layer.products(cached(q, k, v, step, backend="triton"))

    return median_ms(run)


def _recall(layer: _Block, cached: CachedAttention, step: int) -> float:
    """Of the head that keeps least, with the queries and keys of a step."""
    policy = cached.policy
    q, k = layer.qk(step, policy.block)
    assert cached.table is not None
    scale = q.shape[-1] ** -0.5
    _, lse = sparse_attention(q, k, k, policy.all_blocks(q), backend="triton")
    mass = block_mass(q, k, lse, scale, policy.block, causal=False, backend="triton")
    return float(kept_mass(mass, cached.table).min())


def _error(setting: Setting, policy: LSECached) -> float:
    """Relative error of the first step without a search, against dense, at 4,096 tokens."""
    layer = _Block(setting, setting.pick(4096, 96))
    v = setting.random(1, layer.heads, layer.tokens, layer.width, seed=7)
    cached = CachedAttention(policy)
    for step in (0, 1):
        q, k = layer.qk(step, policy.block)
        output = cached(q, k, v, step, backend="triton")
    wanted = scaled_dot_product_attention(q, k, v).float()
    return float((output.float() - wanted).norm() / wanted.norm())
