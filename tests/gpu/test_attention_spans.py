"""Spans of heads and layers: what windows change, who gets which, within which budget."""

from __future__ import annotations

import itertools

import pytest
import torch

from edge.errors import EdgeError
from edge.gpu.attention import AttentionPlan
from edge.gpu.attention.hook import layer_table
from edge.gpu.attention.policies.moa_span import MoASpan
from edge.gpu.attention.spans.elastic import candidates, fitted_spans, moa_spans
from edge.gpu.attention.spans.influence import predicted_divergence, window_changes
from edge.gpu.attention.spans.layers import influential_layers, mas_layers
from edge.gpu.attention.watch import attending
from tests.gpu.gates import tiny_ids, tiny_llama

BLOCK = 16


@pytest.fixture(scope="module")
def model():
    return tiny_llama()


def _attention_and_slope(model, ids):
    """Attention maps and the gradients of the summed loss by them, [layers][B, H, T, T]."""
    maps = {}

    def attend(layer, q, k, v, scale):
        products = q @ k.repeat_interleave(2, 1).transpose(-1, -2) * scale
        future = torch.ones(products.shape[-2:], dtype=torch.bool).triu(1)
        maps[layer] = products.masked_fill(future, -torch.inf).softmax(-1)
        maps[layer].retain_grad()
        return maps[layer] @ v.repeat_interleave(2, 1)

    with attending(model, attend):
        logits = model(ids).logits[:, :-1]
        torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"
        ).backward()
    return [(a.detach(), a.grad) for _, a in sorted(maps.items())]


@pytest.mark.parametrize("sinks", [0, 1])
def test_a_window_s_change_is_the_gradient_times_the_renormalised_change(model, sinks):
    ids = tiny_ids(2, 60)
    found = window_changes(model, ids, block=BLOCK, sinks=sinks)
    assert found.shape == (2, 2, 4, 4)
    row = torch.arange(60) // BLOCK
    for layer, (attention, slope) in enumerate(_attention_and_slope(model, ids)):
        for window in range(4):
            seen = (row[:, None] - row <= window) | (row < sinks)
            kept = attention * seen
            change = kept / kept.sum(-1, keepdim=True) - attention
            wanted = (slope * change).sum((2, 3))
            assert torch.allclose(found[:, layer, :, window], wanted, rtol=1e-3, atol=1e-4)
    assert found[..., -1].abs().max() < 1e-4


def test_finding_influence_leaves_the_model_as_it_was(model):
    model.zero_grad()
    with torch.no_grad():
        window_changes(model, tiny_ids(1, 40), block=BLOCK)
    assert all(weight.grad is None for weight in model.parameters())
    assert model.config._attn_implementation == "sdpa"


def test_spans_grow_with_the_length():
    span = MoASpan(32, 0.25, 0, BLOCK)
    assert [span.window(blocks) for blocks in (1, 4, 8, 16, 64)] == [1, 3, 4, 6, 18]
    q = torch.zeros(1, 1, 130, 16)
    table = span.table(q, q, 0.25)
    assert int(table.count.sum()) == span.computed(9)
    newest = span.chosen(torch.tensor([8]), 9, 1)
    assert torch.equal(newest[0, 0], table.blocks()[0, 0, 8])


def test_the_programme_finds_the_best_spans_of_all():
    """Against every choice, two lengths at once."""
    draw = torch.Generator().manual_seed(3)
    costs = {
        length: torch.rand(1, 3, length // BLOCK, generator=draw).flip(-1).cumsum(-1).flip(-1)
        for length in (64, 128)
    }
    budget = 0.6
    plan = fitted_spans(costs, budget, block=BLOCK)
    spans = candidates([64, 128], BLOCK, 0)

    def cost(choice):
        return sum(
            float(costs[length][0, head, span.window(length // BLOCK) - 1])
            for length in costs for head, span in enumerate(choice)
        )  # fmt: skip

    def fits(choice):
        return all(
            sum(span.computed(rows) for span in choice) <= budget * 3 * rows * (rows + 1) / 2
            for rows in (4, 8)
        )

    best = min(filter(fits, itertools.product(spans, repeat=3)), key=cost)
    assert fits(plan.heads[0])
    assert cost(plan.heads[0]) == pytest.approx(cost(best), rel=2e-3)


def test_the_tables_of_a_plan_keep_the_budget_at_every_length(model):
    calibration = [tiny_ids(2, 64), tiny_ids(2, 96)]
    plan = moa_spans(model, calibration, 0.6, block=BLOCK)
    for length in (64, 96):
        q = torch.zeros(1, 4, length, 16)
        density = [layer_table(heads, q, q, 0.25).density() for heads in plan.heads]
        assert 0.45 < sum(density) / len(density) <= 0.6
    assert AttentionPlan.from_json(plan.to_json()) == plan


def test_a_budget_below_the_diagonal_or_no_text_is_refused(model):
    with pytest.raises(EdgeError, match="E0075"):
        moa_spans(model, [tiny_ids(1, 64)], 0.2, block=BLOCK)
    with pytest.raises(EdgeError, match="E0075"):
        moa_spans(model, [], 0.5)


def test_the_divergence_is_half_the_mean_square_a_token():
    changes = torch.tensor([[3.0], [-1.0]])
    assert float(predicted_divergence(changes, 10)) == pytest.approx(0.25)


def test_full_layers_see_all_and_the_others_their_last_blocks(model):
    plan = mas_layers(model, [1], local=2, block=BLOCK)
    q = torch.zeros(1, 4, 80, 16)
    local, full = (layer_table(heads, q, q, 0.25) for heads in plan.heads)
    assert full.density() == 1
    assert local.count[0, 0].tolist() == [1, 2, 2, 2, 2]


def test_the_most_influential_layers_are_chosen(model):
    ids = tiny_ids(8, 64)
    changes = window_changes(model, ids, block=BLOCK)[..., 0].sum(2)
    lost = changes.square().mean(0)
    assert influential_layers(model, [ids], 1, local=1, block=BLOCK) == (int(lost.argmax()),)
    assert influential_layers(model, [ids], 2, local=1, block=BLOCK) == (0, 1)


def test_a_layer_that_is_not_there_is_refused(model):
    with pytest.raises(EdgeError, match="E0075"):
        mas_layers(model, [2], local=1)
    with pytest.raises(EdgeError, match="E0075"):
        influential_layers(model, [tiny_ids()], 3, local=1)
