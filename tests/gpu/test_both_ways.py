"""Tables that look both ways, of images and of diffusion: bi-level routing, LSE-cached search."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, scaled_dot_product_attention

from edge.errors import EdgeError
from edge.gpu.attention import BlockTable, sparse_attention
from edge.gpu.attention.image import BiLevelAttention
from edge.gpu.attention.lse_cached import CachedAttention, LSECached
from edge.gpu.attention.mass import block_mass, kept_mass
from edge.gpu.attention.policies.bi_level_routing import BiLevelRouting
from tests.gpu.needs import needs_triton

BLOCK = 16
POLICIES = {
    "bi-level": (BiLevelRouting(2, BLOCK), BiLevelRouting(99, BLOCK)),
    "lse-cached": (LSECached(0.6, 0, (0,), BLOCK), LSECached(1.0, 0, (0,), BLOCK)),
}


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def qkv():
    """4 query heads, 2 of keys, and a tail that fills no block."""
    return _random(1, 4, 90, 16), _random(1, 2, 90, 16, seed=1), _random(1, 2, 90, 16, seed=2)


@pytest.fixture(params=list(POLICIES))
def policies(request):
    return POLICIES[request.param]


def test_tables_are_well_formed_and_look_ahead(qkv, policies):
    table = policies[0].table(*qkv[:2], 0.25)
    table.check()
    assert 0 < table.density() < 1
    assert table.blocks().triu(1).any()
    again = BlockTable.from_blocks(table.blocks(), BLOCK, 90, causal=False)
    assert torch.equal(again.column, table.column)


@needs_triton
def test_triton_s_interpreter_agrees_with_the_reference(qkv, policies):
    table = policies[0].table(*qkv[:2], 0.25)
    for ours, reference in zip(
        sparse_attention(*qkv, table, backend="triton"),
        sparse_attention(*qkv, table, backend="reference"),
        strict=True,
    ):
        assert float((ours - reference).abs().max()) <= 1e-5


@pytest.mark.filterwarnings("ignore")
def test_flex_attention_agrees_with_the_reference(policies):
    from torch.nn.attention.flex_attention import flex_attention

    from edge.gpu.attention.flex import block_mask

    q, k, v = (_random(1, 2, 64, 16, seed=s) for s in range(3))
    table = policies[0].table(q, k, 0.25)
    ours = flex_attention(q, k, v, block_mask=block_mask(table), scale=0.25)
    reference, _ = sparse_attention(q, k, v, table, scale=0.25)
    assert float((ours - reference).abs().max()) <= 1e-5


def test_a_policy_that_keeps_all_is_dense_attention(qkv, policies):
    table = policies[1].table(*qkv[:2], 0.25)
    assert table.density() == 1
    output, _ = sparse_attention(*qkv, table)
    assert torch.allclose(output, scaled_dot_product_attention(*qkv, enable_gqa=True), atol=1e-5)


def test_a_row_that_chooses_nothing_attends_to_itself():
    table = BlockTable.from_blocks(torch.zeros(1, 1, 3, 3, dtype=torch.bool), 4, 12, causal=False)
    assert torch.equal(table.blocks()[0, 0], torch.eye(3, dtype=torch.bool))
    with pytest.raises(EdgeError, match="E0070"):
        BlockTable(torch.zeros(1, 1, 3), table.column, 4, 12, causal=False).check()


def _dense_of(layer: BiLevelAttention, image: torch.Tensor) -> torch.Tensor:
    """The same layer by torch alone: all tokens see all, plus the convolution of the values."""
    batch, channels = image.shape[0], image.shape[-1]
    q, k, v = layer.query_key_value(image).flatten(1, 2).chunk(3, -1)
    split = [x.view(batch, -1, layer.heads, channels // layer.heads).transpose(1, 2)
             for x in (q, k, v)]  # fmt: skip
    far = scaled_dot_product_attention(*split).transpose(1, 2).reshape(image.shape)
    values = v.view(image.shape).permute(0, 3, 1, 2)
    return layer.output(far + layer.local(values).permute(0, 2, 3, 1))


def test_an_image_whose_regions_all_see_all_is_dense_attention():
    torch.manual_seed(0)
    image, layer = _random(2, 12, 18, 8), BiLevelAttention(8, 2, 9, regions=3)
    assert torch.allclose(layer(image), _dense_of(layer, image), atol=1e-5)
    fewer = BiLevelAttention(8, 2, 2, regions=3)
    fewer.load_state_dict(layer.state_dict())
    assert not torch.allclose(fewer(image), _dense_of(layer, image), atol=1e-2)


def test_a_token_attends_to_the_regions_that_its_own_resembles():
    """Regions of two kinds: those of a kind see each other alone."""
    kinds = torch.tensor([0, 1, 1, 0])
    tokens = normalize(_random(2, 16), dim=-1)[kinds].repeat_interleave(BLOCK, 0)[None, None]
    table = BiLevelRouting(2, BLOCK).table(tokens, tokens, 1.0)
    assert torch.equal(table.blocks()[0, 0], kinds[:, None] == kinds)


def test_image_attention_learns():
    torch.manual_seed(0)
    layer, image = BiLevelAttention(8, 2, 2, regions=2), _random(4, 4, 4, 8)
    optimizer = torch.optim.Adam(layer.parameters(), 0.01)
    losses = []
    for _ in range(30):
        loss = nn.functional.mse_loss(layer(image), image.flip(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("shape", [(1, 10, 12, 8), (1, 12, 10, 8)])
def test_images_that_have_no_such_regions_are_refused(shape):
    with pytest.raises(EdgeError, match="E0077"):
        BiLevelAttention(8, 2, 1, regions=3)(torch.zeros(shape))
    with pytest.raises(EdgeError, match="E0077"):
        BiLevelAttention(8, 3, 1)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backend", ["reference", pytest.param("triton", marks=needs_triton)])
def test_block_mass_is_the_attention_matrix_summed_over_blocks(qkv, backend, causal):
    q, k, _ = qkv
    products = q @ k.repeat_interleave(2, 1).transpose(-1, -2) * 0.25
    if causal:
        products = products.masked_fill(torch.ones(90, 90).triu(1) > 0, -torch.inf)
    weights = nn.functional.pad(products.softmax(-1), (0, 6, 0, 6))
    wanted = weights.view(1, 4, 6, BLOCK, 6, BLOCK).sum((3, 5))
    lse = products.logsumexp(-1)
    ours = block_mass(q, k, lse, 0.25, BLOCK, causal=causal, backend=backend)
    assert torch.allclose(ours, wanted, atol=1e-4)


def _drifting(step: int, tokens: int = 192) -> tuple[torch.Tensor, torch.Tensor]:
    """Blocks of queries that look at one block of keys each, sharper from head to head."""
    topics = normalize(_random(tokens // BLOCK, 16), dim=-1).repeat_interleave(BLOCK, 0)
    sharpness = torch.tensor([2.5, 4.0, 8.0])[:, None, None]
    turn = 0.012 * step * _random(1, 3, tokens, 16, seed=3)
    return sharpness * topics[None] + 0.3 * _random(1, 3, tokens, 16, seed=1) + turn, (
        topics + 0.05 * _random(1, 3, tokens, 16, seed=2)
    )


@pytest.mark.parametrize(("reserve", "above"), [(0.02, True), (0.0, False)])
def test_recall_stays_above_its_target_between_few_searches(reserve, above):
    """While queries turn away; without a reserve it falls below."""
    policy = LSECached(recall=0.9, reserve=reserve, steps=(0, 15, 30), block=BLOCK)
    attention, least = CachedAttention(policy), 1.0
    for step in range(50):
        q, k = _drifting(step)
        output = attention(q, k, k, step, scale=1.0)
        lse = (q @ k.transpose(-1, -2)).logsumexp(-1)
        mass = block_mass(q, k, lse, 1.0, BLOCK, causal=False)
        least = min(least, float(kept_mass(mass, attention.table).min()))
    assert (least >= policy.recall) == above
    assert attention.searches == 3
    dense = scaled_dot_product_attention(q, k, k, scale=1.0)
    assert float((output - dense).norm() / dense.norm()) < 0.15


def test_each_head_is_as_sparse_as_its_attention_allows():
    q, k = _drifting(0)
    policy = LSECached(0.9, 0, (0,), BLOCK)
    table = policy.table(q, k, 1.0)
    counts = table.count.sum(-1)[0].tolist()
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    every = LSECached(1.0, 0, (0,), BLOCK).table(q, k, 1.0)
    assert table.density() < 0.8 * every.density()


def test_a_search_step_is_full_attention():
    q, k = _drifting(0)
    output = CachedAttention(LSECached(0.5, block=BLOCK))(q, k, k, 0, scale=1.0)
    assert torch.allclose(output, scaled_dot_product_attention(q, k, k, scale=1.0), atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"steps": (1, 2)}, {"recall": 0.0}, {"recall": 1.1}, {"reserve": -0.1}]
)
def test_impossible_searches_are_refused(settings):
    with pytest.raises(EdgeError, match="E0079"):
        LSECached(**settings)
