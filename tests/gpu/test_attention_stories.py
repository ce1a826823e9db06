"""What learned gates and fitted spans gain in a real language model."""

from __future__ import annotations

import pytest
import torch

from edge.gpu.attention import sparse_attention
from edge.gpu.attention.gate.training import GateTraining, train_gate
from edge.gpu.attention.hook import layer_table
from edge.gpu.attention.mass import block_mass, kept_mass
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.policies.full import Full
from edge.gpu.attention.policies.mean_pool import MeanPool
from edge.gpu.attention.policies.moa_span import MoASpan
from edge.gpu.attention.policies.policy import placed
from edge.gpu.attention.policies.seer_gate import SeerGate
from edge.gpu.attention.spans.elastic import fitted_spans
from edge.gpu.attention.spans.influence import changes_by_length, predicted_divergence
from edge.gpu.attention.watch import attending, attention_inputs
from tests.models.stories260k import load_stories, needs_stories, sampled

BLOCK, LENGTH = 16, 256
pytestmark = needs_stories


@pytest.fixture(scope="module")
def stories():
    torch.set_num_threads(1)
    return load_stories()


@pytest.fixture(scope="module")
def texts(stories):
    """16 to learn from, 4 to judge by."""
    return sampled(stories, 20, LENGTH, seed=7).split((16, 4))


@pytest.fixture(scope="module")
def costs(stories, texts):
    (changes,) = changes_by_length(stories, texts[0].split(4), block=BLOCK).values()
    return predicted_divergence(changes, LENGTH)


@torch.no_grad()
def _divergence(model, ids, plan: AttentionPlan) -> float:
    """KL from the dense model, nats a token."""
    dense = model(ids).logits.log_softmax(-1)

    def attend(layer, q, k, v, scale):
        table = layer_table(plan.heads[layer], q, k, scale)
        return sparse_attention(q, k, v, table, scale=scale)[0]

    with attending(model, attend):
        sparse = model(ids).logits.log_softmax(-1)
    return float((dense.exp() * (dense - sparse)).sum(-1).mean())


@torch.no_grad()
def _mass(model, ids, policy) -> float:
    """Attention kept, in the mean over layers and heads."""
    kept = []
    for layer, (q, k, v, scale) in attention_inputs(model, ids).items():
        _, lse = sparse_attention(q, k, v, Full(BLOCK).table(q, k, scale), scale=scale)
        mass = block_mass(q, k, lse, scale, BLOCK, causal=True)
        table = placed((policy,) * 8, layer)[0].table(q, k, scale)
        kept.append(float(kept_mass(mass, table).mean()))
    return sum(kept) / len(kept)


def test_a_trained_gate_keeps_more_attention_than_block_means(stories, texts, tmp_path):
    settings = GateTraining(BLOCK, steps=120, rate=3e-2)
    train_gate(stories, texts[0].split(4), tmp_path / "gate", settings)
    gate = _mass(stories, texts[1], SeerGate(str(tmp_path / "gate"), 3, block=BLOCK))
    assert gate > _mass(stories, texts[1], MeanPool(3, BLOCK)) + 0.001


def test_predicted_and_true_changes_rank_heads_alike(stories, texts, costs):
    whole = AttentionPlan.uniform(Full(BLOCK), 5, 8).heads
    true = []
    for layer in range(5):
        for head in (0, 3, 6):
            heads = [list(row) for row in whole]
            heads[layer][head] = MoASpan(BLOCK, 0.0, 0, BLOCK)
            plan = AttentionPlan(tuple(map(tuple, heads)))
            true.append(_divergence(stories, texts[1][:2], plan))
    predicted = costs[:, [0, 3, 6], 0].flatten()
    ranks = torch.stack([x.argsort().argsort().double() for x in (predicted, torch.tensor(true))])
    assert float(torch.corrcoef(ranks)[0, 1]) >= 0.8


def test_fitted_spans_lose_less_than_one_window_for_all_at_equal_density(stories, texts, costs):
    uniform = MoASpan(4 * BLOCK, 0.0, 0, BLOCK)
    budget = uniform.computed(16) / (16 * 17 / 2)
    plan = fitted_spans({LENGTH: costs}, budget, block=BLOCK)
    used = sum(span.computed(16) for heads in plan.heads for span in heads)
    assert used <= 40 * uniform.computed(16)
    same = _divergence(stories, texts[1], AttentionPlan.uniform(uniform, 5, 8))
    assert _divergence(stories, texts[1], plan) < 0.6 * same
