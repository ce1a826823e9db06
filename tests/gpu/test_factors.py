"""Attention that no block table describes: routing by clusters and factors by regions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize, scaled_dot_product_attention

from edge.errors import EdgeError
from edge.gpu.attention.combiner import Combiner
from edge.gpu.attention.routing import RoutingAttention

LENGTH = 50
FORMS = [Combiner(8), Combiner(8, "tree"), Combiner(), Combiner(3, "tree")]


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_one_cluster_is_dense_attention():
    qk, v = _random(2, 3, LENGTH, 8), _random(2, 3, LENGTH, 8, seed=1)
    ours = RoutingAttention(3, 8, 1).eval()(qk, v)
    assert torch.allclose(ours, scaled_dot_product_attention(qk, qk, v, is_causal=True), atol=1e-5)


def test_a_cluster_takes_its_share_of_tokens_each_at_most_once():
    qk = _random(2, 3, LENGTH, 8)
    members = RoutingAttention(3, 8, 7).members(qk)
    assert members.shape == (2, 3, 7, math.ceil(LENGTH / 7))
    assert (members.diff(dim=-1) > 0).all()


def test_routed_attention_is_one_softmax_over_the_tokens_of_shared_clusters():
    """By hand: a key weighs once for every cluster that holds both tokens."""
    layer, qk, v = RoutingAttention(1, 8, 5).eval(), _random(1, 1, 30, 8), _random(1, 1, 30, 8)
    ours, members = layer(qk, v)[0, 0], layer.members(qk)[0, 0]
    inside = torch.zeros(5, 30).scatter(1, members, 1.0)
    weights = (qk[0, 0] @ qk[0, 0].T / 8**0.5).exp() * (inside.T @ inside).tril()
    expected = (weights / weights.sum(-1, keepdim=True)).nan_to_num() @ v[0, 0]
    assert torch.allclose(ours, expected, atol=1e-5)
    assert ((inside.sum(0) == 0) == (ours == 0).all(-1)).all()


def test_centroids_find_the_directions_that_tokens_have():
    directions = normalize(_random(4, 16, seed=2), dim=-1)
    layer = RoutingAttention(1, 16, 4, decay=0.8)
    layer.centroids.copy_(normalize(directions + 0.6 * _random(1, 4, 16, seed=3) / 4, dim=-1))
    for seed in range(20):
        tokens = directions[torch.arange(64) % 4] + 0.05 * _random(1, 1, 64, 16, seed=seed)
        layer(tokens, tokens)
    assert ((layer.centroids[0] * directions).sum(-1) > 0.99).all()
    before = layer.centroids.clone()
    layer.eval()(tokens, tokens)
    assert torch.equal(before, layer.centroids)


def test_a_centroid_moves_by_a_thousandth_of_its_way():
    layer, tokens = RoutingAttention(1, 8, 1), _random(1, 1, 20, 8)
    start, mean = layer.centroids.clone(), normalize(tokens, dim=-1).mean(2)[0]
    layer(tokens, tokens)
    assert torch.allclose(layer.centroids[0], normalize(0.999 * start[0] + 0.001 * mean, dim=-1))


def test_routing_has_gradients():
    qk, v = (_random(1, 1, 7, 2, seed=s).double().requires_grad_() for s in (0, 1))
    layer = RoutingAttention(1, 2, 3).eval().double()
    assert torch.autograd.gradcheck(layer, (qk, v))


@pytest.mark.parametrize("combiner", FORMS)
def test_probabilities_are_causal_reach_all_the_past_and_add_up_to_one(combiner):
    q, k = _random(1, 2, LENGTH, 8), _random(1, 2, LENGTH, 8, seed=1)
    shares = combiner.attend(q, k, torch.eye(LENGTH).expand(1, 2, -1, -1), scale=0.3)
    assert torch.allclose(shares.sum(-1), torch.ones(1, 2, LENGTH), atol=1e-6)
    past = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    assert torch.equal(shares > 0, past.expand_as(shares))


@pytest.mark.parametrize("form", ["fixed", "tree"])
@pytest.mark.parametrize("local", [LENGTH, 999])
def test_a_block_of_all_tokens_is_dense_attention(form, local):
    q, k, v = _random(2, 4, LENGTH, 8), _random(2, 2, LENGTH, 8, seed=1), _random(2, 2, LENGTH, 8)
    dense = scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    assert torch.allclose(Combiner(local, form).attend(q, k, v), dense, atol=1e-5)


def test_regions_of_equal_keys_are_dense_attention():
    """Then the way through a region's mean loses nothing, whatever the queries."""
    q, v = _random(1, 2, 48, 8), _random(1, 2, 6, 8, seed=2).repeat_interleave(8, 2)
    k = _random(1, 2, 6, 8, seed=1).repeat_interleave(8, 2)
    dense = scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(Combiner(8).attend(q, k, v), dense, atol=1e-5)


def test_products_grow_as_the_forms_promise():
    lengths = [2**n for n in (10, 12, 14, 16)]
    roots = [Combiner().products(n) / n**1.5 for n in lengths]
    logs = [Combiner(16, "tree").products(n) / (n * math.log2(n)) for n in lengths]
    assert max(roots) / min(roots) < 1.1
    assert logs == sorted(logs, reverse=True)
    assert Combiner(16, "tree").products(65536) < 0.001 * 65536**2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Combiner(0),
        lambda: Combiner(8, "ring"),
        lambda: RoutingAttention(1, 8, 0),
        lambda: RoutingAttention(1, 8, 4, decay=1.0),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(EdgeError, match="E0078"):
        make()
