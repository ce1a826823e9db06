"""Contextual sparsity: drafters compute a share of the neurons, and correction makes them exact."""

from __future__ import annotations

import pytest
import torch

from edge.errors import EdgeError
from edge.serving import AdapterPool
from edge.serving.contextual import contextual_drafter, prompt_neurons
from edge.serving.correction import Correction, corrected_greedy, greedy
from edge.serving.engine import Engine
from edge.serving.request import Request
from tests.models.stories260k import load_stories, needs_stories
from tests.serving.conftest import continued

PROMPT = torch.tensor([[5, 9, 33, 2, 17]])


def _drafter(model, kind: str, share: float = 0.5, prompt: torch.Tensor = PROMPT):
    neurons = prompt_neurons(model, prompt, share) if kind == "prompt" else None
    return contextual_drafter(model, share, neurons)


@pytest.mark.parametrize("kind", ["token", "prompt"])
@torch.no_grad()
def test_a_drafter_of_all_neurons_is_the_model(kind, llama):
    drafter = _drafter(llama, kind, 1.0)
    assert torch.allclose(drafter(PROMPT).logits, llama(PROMPT).logits, atol=1e-5)
    assert drafter.model.embed_tokens.weight is llama.model.embed_tokens.weight


@torch.no_grad()
def test_a_single_token_computes_what_many_do(llama):
    layer = _drafter(llama, "token").model.layers[0].mlp
    x = torch.randn(1, 6, 32)
    together = layer(x)
    for place in range(6):
        assert torch.allclose(layer(x[:, place : place + 1])[0, 0], together[0, place], atol=1e-5)
    gates = layer.act_fn(layer.gate_proj(x))
    least = gates.abs().sort(-1).values[..., 24:25]
    dense = layer.down_proj(gates * (gates.abs() >= least) * layer.up_proj(x))
    assert torch.allclose(together, dense, atol=1e-6)


@torch.no_grad()
def test_prompt_neurons_are_those_with_the_largest_parts(llama):
    chosen = prompt_neurons(llama, PROMPT, 0.25)
    caught = {}
    layer = llama.model.layers[1].mlp
    handle = layer.down_proj.register_forward_pre_hook(lambda _, x: caught.update(x=x[0][0]))
    llama(PROMPT)
    handle.remove()
    shares = (caught["x"] / caught["x"].norm(dim=1, keepdim=True)).square().sum(0)
    assert set(chosen["model.layers.1.mlp"].tolist()) == set(shares.topk(12).indices.tolist())
    assert not layer.down_proj._forward_pre_hooks


@pytest.mark.parametrize("kind", ["token", "prompt"])
def test_strict_correction_of_contextual_drafts_is_greedy_decoding(kind, llama):
    drafter = _drafter(llama, kind)
    found = corrected_greedy(llama, drafter, PROMPT, 40, Correction(4))
    assert found.ids[0, 5:].tolist() == continued(llama, PROMPT[0].tolist(), 40)
    assert found.rejected > 0
    assert found.passes < 40


@needs_stories
@pytest.mark.parametrize(("kind", "per_pass"), [("token", 4.0), ("prompt", 1.5)])
def test_half_of_the_neurons_draft_stories(kind, per_pass):
    model, prompt = load_stories(), torch.tensor([[1, 403, 407, 261]])
    expected = greedy(model, prompt, 60)
    drafter = _drafter(model, kind, prompt=expected[:, :20])
    found = corrected_greedy(model, drafter, prompt, 60, Correction(8))
    assert torch.equal(found.ids, expected)
    assert 60 / found.passes > per_pass


def test_the_engine_drafts_with_contextual_sparsity(llama, adapters, with_adapter):
    drafter = _drafter(llama, "token")
    engine = Engine(
        llama, AdapterPool(600, 64), adapters, drafter=drafter, correction=Correction(3)
    )
    requests = [Request([5, 9, 33], 12), Request([7], 9, adapter="a3"), Request([8, 2], 12)]
    for request, made in zip(requests, engine.complete(requests), strict=True):
        wanted = continued(with_adapter[request.adapter], request.prompt, request.max_tokens)
        assert list(made.tokens) == wanted


def test_models_without_gated_layers_and_impossible_shares_are_refused(llama):
    for model, share in ((torch.nn.Linear(4, 4), 0.5), (llama, 0.0), (llama, 1.5)):
        with pytest.raises(EdgeError, match="E0099"):
            contextual_drafter(model, share)
        with pytest.raises(EdgeError, match="E0099"):
            prompt_neurons(model, PROMPT, share)
    with pytest.raises(EdgeError, match=r"E0099.*these neurons"):
        contextual_drafter(llama, 0.5, {"model.layers.7.mlp": torch.arange(3)})
