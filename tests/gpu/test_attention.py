"""Block-sparse attention: backends agree, tables are well formed, policies do what they claim."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from edge.errors import EdgeError
from edge.gpu.attention import (
    AttentionPlan,
    BlockTable,
    apply_sparse_attention,
    merged,
    search_plan,
    sparse_attention,
)
from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.full import Full
from edge.gpu.attention.policies.hip_tree import HiPTree
from edge.gpu.attention.policies.local_stride import LocalStride
from edge.gpu.attention.policies.mean_pool import MeanPool
from edge.gpu.attention.policies.moa_span import MoASpan
from edge.gpu.attention.policies.policy import Policy
from edge.gpu.attention.policies.vertical_slash import VerticalSlash
from tests.gpu.gates import placed_gate
from tests.models.stories260k import load_stories, needs_stories, sampled

BLOCK = 16
SCALE = 0.25
SOME: list[Policy] = [
    AShape(2, 1, BLOCK),
    LocalStride(1, 3, BLOCK),
    VerticalSlash(2, 6, 1, 2, 16, BLOCK),
    MeanPool(3, BLOCK),
    HiPTree(2, block=BLOCK),
    MoASpan(BLOCK, 0.25, 1, BLOCK),
    placed_gate(kept=3, block=BLOCK),
    placed_gate(threshold=0.2, block=BLOCK),
]
ALL: list[Policy] = [
    AShape(99, 0, BLOCK),
    LocalStride(0, 1, BLOCK),
    VerticalSlash(0, 999, 0, 0, 16, BLOCK),
    MeanPool(99, BLOCK),
    HiPTree(2, local=99, block=BLOCK),
    MoASpan(0, 1.0, 0, BLOCK),
    placed_gate(kept=99, block=BLOCK),
    placed_gate(threshold=0.0, block=BLOCK),
]
NAMES = [type(policy).__name__ for policy in SOME]


def _inputs(length: int = 90) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries of 4 heads, keys and values of 2, and a tail that fills no block."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, length, 16), (2, 2, length, 16), (2, 2, length, 16))
    q, k, v = (torch.randn(shape, generator=generator) for shape in shapes)
    return q, k, v


@pytest.mark.parametrize("policy", SOME, ids=NAMES)
def test_tables_are_well_formed_and_sparse(policy):
    q, k, _ = _inputs()
    table = policy.table(q, k, SCALE)
    table.check()
    assert 0 < table.density() < 1
    again = BlockTable.from_blocks(table.blocks(), BLOCK, table.length)
    assert torch.equal(again.column, table.column)


@pytest.mark.parametrize("policy", SOME, ids=NAMES)
def test_triton_s_interpreter_agrees_with_the_reference(policy):
    pytest.importorskip("triton", reason="needs triton: pip install 'edge-nn[llm]' on Linux")
    q, k, v = _inputs()
    table = policy.table(q, k, SCALE)
    for ours, reference in zip(
        sparse_attention(q, k, v, table, scale=SCALE, backend="triton"),
        sparse_attention(q, k, v, table, scale=SCALE, backend="reference"),
        strict=True,
    ):
        assert float((ours - reference).abs().max()) <= 1e-5


@pytest.mark.parametrize("policy", [*ALL, Full(BLOCK)], ids=[*NAMES, "Full"])
def test_a_policy_that_keeps_all_is_dense_attention(policy):
    q, k, v = _inputs()
    table = policy.table(q, k, SCALE)
    assert table.density() == 1
    output, _ = sparse_attention(q, k, v, table, scale=SCALE)
    dense = scaled_dot_product_attention(q, k, v, is_causal=True, scale=SCALE, enable_gqa=True)
    assert torch.allclose(output, dense, atol=1e-5)


@pytest.mark.parametrize("policy", SOME, ids=NAMES)
def test_flex_attention_agrees_with_the_reference(policy):
    """Its eager form, which defines what the compiled one computes."""
    from torch.nn.attention.flex_attention import flex_attention

    from edge.gpu.attention.flex import block_mask

    q, k, v = _inputs(128)
    table = policy.table(q, k, SCALE)
    ours = flex_attention(q, k, v, block_mask=block_mask(table), scale=SCALE, enable_gqa=True)
    reference, _ = sparse_attention(q, k, v, table, scale=SCALE)
    assert float((ours - reference).abs().max()) <= 1e-5


def test_two_disjoint_tables_merge_to_their_union():
    q, k, v = _inputs()
    whole = AShape(99, 0, BLOCK).table(q, k, SCALE).to_dense()
    even = torch.arange(90) % 2 == 0
    parts = []
    for mask in (whole & even, whole & ~even):
        products = (q @ k.repeat_interleave(2, 1).transpose(-1, -2) * SCALE).masked_fill(
            ~mask, -torch.inf
        )
        weights = products.softmax(-1).nan_to_num()
        parts.append((weights @ v.repeat_interleave(2, 1), products.logsumexp(-1)))
    output, _ = merged(parts[0], parts[1])
    dense = scaled_dot_product_attention(q, k, v, is_causal=True, scale=SCALE, enable_gqa=True)
    assert torch.allclose(output, dense, atol=1e-5)


def test_strided_heads_together_see_the_whole_context():
    q, k, _ = _inputs()
    blocks = LocalStride(1, 4, BLOCK).table(q, k, SCALE).blocks()
    assert blocks.any(1)[0].equal(torch.ones(6, 6, dtype=torch.bool).tril())


def test_a_block_that_a_row_leaves_never_comes_back():
    q, k, _ = _inputs(320)
    needed = LocalStride(2, 3, BLOCK).table(q, k, SCALE).blocks()[0].int()
    for head in needed:
        for column in range(20):
            seen = head[column:, column]
            assert (seen.diff() <= 0).all()


def test_hip_reads_keys_in_t_log_t():
    """The reads of a row grow by the same number with each doubling of the length."""
    policy = HiPTree(8, block=64)
    rows = [policy.key_reads(2**n) / 2 ** (n - 6) for n in range(10, 17)]
    steps = [b - a for a, b in pairwise(rows)]
    assert steps == [16.0] * len(steps)
    assert policy.key_reads(65536) < 0.01 * 65536**2


def test_a_plan_survives_json():
    plan = AttentionPlan(((SOME[0], SOME[2]), (SOME[3], SOME[4])))
    assert AttentionPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '{"heads": [[{"policy": "oracle"}]]}',
        '{"heads": [[{"policy": "a_shape", "local": 1, "width": 3}]]}',
        '{"heads": []}',
        '{"heads": [[{"policy": "a_shape", "local": 1, "block": 16},'
        ' {"policy": "a_shape", "local": 1, "block": 32}]]}',
    ],
)
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(EdgeError, match="E0072"):
        AttentionPlan.from_json(text)


def test_a_plan_or_table_for_another_number_of_heads_is_refused():
    q, k, v = _inputs()
    table = AShape(2, 1, BLOCK).table(q[:, :2], k, SCALE)
    with pytest.raises(EdgeError, match="E0071"):
        sparse_attention(q, k, v, table)
    with pytest.raises(EdgeError, match="E0071"):
        sparse_attention(q[:, :2], k, v, table, backend="cutlass")
    with pytest.raises(EdgeError, match="E0072"):
        AttentionPlan.uniform(AShape(2), 2, 4).require(2, 8)


def test_a_broken_table_is_refused():
    table = BlockTable(torch.full((1, 1, 2), 2), torch.tensor([[[[0, 0], [1, 0]]]]), 16, 32)
    with pytest.raises(EdgeError, match="E0070"):
        table.check()


@needs_stories
def test_sparse_attention_in_a_language_model_is_near_dense_at_a_fifth_of_it():
    """gpu.md: vertical-slash at about .19 of the causal triangle costs .059 nats."""
    torch.set_num_threads(1)
    model = load_stories()
    ids = sampled(model, 4, 512, seed=3)
    with torch.no_grad():
        dense = model(ids, labels=ids).loss.item()
        whole = AttentionPlan.uniform(AShape(32, 0, BLOCK), 5, 8)
        apply_sparse_attention(model, whole)
        assert model(ids, labels=ids).loss.item() == pytest.approx(dense, abs=1e-4)
        plan = search_plan(model, [sampled(model, 1, 512, seed=4)], 0.2, block=BLOCK)
        apply_sparse_attention(model, plan)
        sparse = model(ids, labels=ids).loss.item()
    assert sparse - dense <= 0.07
    assert math.isfinite(sparse)


def test_a_table_of_columns_is_the_table_of_the_same_blocks():
    columns = torch.randint(-1, 9, (2, 3, 6, 7), generator=torch.Generator().manual_seed(0))
    ours = BlockTable.from_columns(columns, BLOCK, 90)
    blocks = torch.zeros(2, 3, 6, 9, dtype=torch.bool).scatter(-1, columns.clamp(min=0), True)
    wanted = BlockTable.from_blocks(blocks[..., :6], BLOCK, 90)
    assert torch.equal(ours.blocks(), wanted.blocks())
    assert torch.equal(ours.count, wanted.count)
    assert torch.equal(ours.column, wanted.column)
    ours.check()
