"""Attention of one new token: backends agree, and a step with a cache equals the whole prompt."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from edge.errors import EdgeError
from edge.gpu.attention import AttentionPlan, apply_sparse_attention, sparse_attention
from edge.gpu.attention.decode import decode_attention, last_blocks
from edge.gpu.attention.decode_blocks import DecodeBlocks
from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.local_stride import LocalStride
from edge.gpu.attention.policies.mean_pool import MeanPool
from tests.gpu.needs import needs_triton

BLOCK, HEADS, GROUPS, LENGTH = 16, 6, 2, 85


@pytest.fixture
def cache():
    """Queries, and keys and values that are the beginning of a longer cache."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(2, HEADS, 1, 16, generator=generator)
    k, v = (torch.randn(2, GROUPS, 128, 16, generator=generator) for _ in range(2))
    return q, k[:, :, :LENGTH], v[:, :, :LENGTH]


def _each_head_its_own(batch: int) -> torch.Tensor:
    chosen = torch.rand(batch, HEADS, 6, generator=torch.Generator().manual_seed(1)) < 0.5
    chosen[..., -1] = True
    return chosen


@needs_triton
@pytest.mark.parametrize("batch", [1, 2])
def test_triton_s_interpreter_agrees_with_the_reference(cache, batch):
    blocks = DecodeBlocks.of(_each_head_its_own(batch), GROUPS, BLOCK)
    for ours, reference in zip(
        decode_attention(*cache, blocks, backend="triton"),
        decode_attention(*cache, blocks, backend="reference"),
        strict=True,
    ):
        assert float((ours - reference).abs().max()) <= 1e-5


@needs_triton
def test_all_blocks_are_dense_attention(cache):
    blocks = DecodeBlocks.of(torch.ones(1, HEADS, 6, dtype=torch.bool), GROUPS, BLOCK)
    dense = scaled_dot_product_attention(*cache, enable_gqa=True)
    for backend in ("reference", "triton"):
        output, _ = decode_attention(*cache, blocks, backend=backend)
        assert torch.allclose(output, dense, atol=1e-5)


def test_keys_are_listed_once_a_group():
    blocks = DecodeBlocks.of(_each_head_its_own(1), GROUPS, BLOCK)
    needed = blocks.chosen.view(GROUPS, HEADS // GROUPS, 6).any(1).sum(-1)
    assert torch.equal(blocks.count[0].long(), needed)
    assert int(blocks.member.sum()) == int(blocks.chosen.sum())


@pytest.mark.parametrize("policy", [AShape(2, 1, BLOCK), LocalStride(1, 3, BLOCK)])
def test_the_newest_token_attends_as_the_last_of_a_prompt(cache, policy):
    _, k, v = cache
    q = torch.randn(2, HEADS, LENGTH, 16, generator=torch.Generator().manual_seed(2))
    table = policy.table(q, k, 0.25)
    chosen = last_blocks((policy,) * HEADS, LENGTH)
    assert torch.equal(chosen[0], table.blocks()[0, :, -1])
    whole, _ = sparse_attention(q, k, v, table, scale=0.25)
    step, _ = decode_attention(q[:, :, -1:], k, v, DecodeBlocks.of(chosen, GROUPS, BLOCK),
                               scale=0.25)  # fmt: skip
    assert torch.allclose(step, whole[:, :, -1:], atol=1e-5)


def test_heads_that_go_by_values_attend_to_all():
    chosen = last_blocks((AShape(1, 0, BLOCK), MeanPool(2, BLOCK)), 64)
    assert chosen[0].sum(-1).tolist() == [1, 4]


@pytest.mark.parametrize("backend", ["reference", pytest.param("triton", marks=needs_triton)])
def test_a_model_says_the_same_with_a_cache_and_without(backend):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=2,
    )).eval()  # fmt: skip
    layer = (
        AShape(1, 1, BLOCK),
        AShape(2, 0, BLOCK),
        LocalStride(1, 2, BLOCK),
        AShape(1, 0, BLOCK),
    )
    apply_sparse_attention(model, AttentionPlan((layer,)), backend=backend)
    ids = torch.randint(0, 64, (1, 49), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = model(ids).logits
        cache = model(ids[:, :46], use_cache=True).past_key_values
        for place in range(46, 49):
            step = model(ids[:, place : place + 1], past_key_values=cache, use_cache=True)
            assert torch.allclose(step.logits[:, 0], whole[:, place], atol=1e-4)


def test_blocks_for_another_length_and_unknown_backends_are_refused(cache):
    blocks = DecodeBlocks.of(torch.ones(1, HEADS, 5, dtype=torch.bool), GROUPS, BLOCK)
    with pytest.raises(EdgeError, match="E0076"):
        decode_attention(*cache, blocks)
    with pytest.raises(EdgeError, match="E0076"):
        decode_attention(*cache, blocks, backend="flex")
