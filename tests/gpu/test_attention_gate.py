"""The learned gate: its inputs, its training, its place in a plan, its refusals."""

from __future__ import annotations

import json
import math

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from edge.errors import EdgeError
from edge.gpu.attention import AttentionPlan, apply_sparse_attention
from edge.gpu.attention.gate.rotary import model_frequencies, resampled, rotated
from edge.gpu.attention.gate.scores import gate_logits, pools, teacher_map
from edge.gpu.attention.gate.training import GateTraining, train_gate
from edge.gpu.attention.gate.weights import GateWeights
from edge.gpu.attention.hook import layer_table
from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.policy import placed
from edge.gpu.attention.policies.seer_gate import SeerGate
from edge.gpu.attention.watch import attention_inputs
from tests.gpu.gates import random_gate, tiny_ids, tiny_llama

BLOCK = 16


@pytest.fixture(scope="module")
def model():
    return tiny_llama()


@pytest.fixture(scope="module")
def inputs(model):
    with torch.no_grad():
        return attention_inputs(model, tiny_ids())


@pytest.fixture
def gate_file(tmp_path):
    random_gate(BLOCK, layers=2).save(tmp_path / "gate.safetensors")
    return tmp_path / "gate.safetensors"


def test_the_rotation_is_transformers_own_and_can_be_taken_back(model):
    x = torch.randn(1, 2, 9, 16, generator=torch.Generator().manual_seed(0))
    positions = torch.arange(9)
    cos, sin = model.model.rotary_emb(x, positions[None])
    turned = rotated(x, positions, model_frequencies(model))
    assert torch.allclose(turned, apply_rotary_pos_emb(x, x, cos, sin)[0], atol=1e-6)
    assert torch.allclose(rotated(turned, -positions, model_frequencies(model)), x, atol=1e-6)


def test_pools_are_those_of_queries_and_keys_before_the_rotation(model, inputs):
    q, k, _, _ = inputs[0]
    query, key = pools(q, k, model_frequencies(model), BLOCK)
    first = model.model.layers[0]
    with torch.no_grad():
        hidden = first.input_layernorm(model.model.embed_tokens(tiny_ids()))
        plain_q = first.self_attn.q_proj(hidden).view(2, 60, 4, 16).transpose(1, 2)
        plain_k = first.self_attn.k_proj(hidden).view(2, 60, 2, 16).transpose(1, 2)
    tail = plain_k[:, :, 48:]
    assert torch.allclose(query[:, :, 1], plain_q[:, :, 16:32].mean(2), atol=1e-4)
    wanted = torch.cat([tail.amax(2), tail.amin(2), tail.mean(2)], -1)
    assert torch.allclose(key[:, :, 3], wanted, atol=1e-4)


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_the_teacher_is_the_pooled_true_attention(inputs, pooling):
    q, k, _, scale = inputs[1]
    found = teacher_map(q, k, scale, BLOCK, pooling)
    future = torch.ones(60, 60, dtype=torch.bool).triu(1)
    products = (q @ k.repeat_interleave(2, 1).transpose(-1, -2) * scale).masked_fill(
        future, -math.inf
    )
    whole = torch.nn.functional.pad(products.softmax(-1), (0, 4, 0, 4))
    blocks = whole.unflatten(2, (4, BLOCK)).unflatten(-1, (4, BLOCK))
    wanted = blocks.amax((3, 5)) if pooling == "max" else blocks.sum((3, 5))
    assert torch.allclose(found, wanted / wanted.sum(-1, keepdim=True), atol=1e-6)


def test_training_brings_the_gate_nearer_to_the_true_attention(model, tmp_path):
    losses: list[float] = []
    settings = GateTraining(BLOCK, steps=40, seed=2)
    calibration = [tiny_ids(seed=seed) for seed in range(2)]
    train_gate(model, calibration, tmp_path / "gate", settings, lambda _, x: losses.append(x))
    assert len(losses) == 40
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate"]


def test_a_run_that_was_cut_off_ends_with_the_same_bits(model, tmp_path):
    calibration = [tiny_ids(seed=seed) for seed in range(3)]
    settings = GateTraining(BLOCK, steps=10, seed=5, save=4)
    whole = train_gate(model, calibration, tmp_path / "whole", settings)

    def cut(step, _):
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_gate(model, calibration, tmp_path / "cut", settings, cut)
    assert not (tmp_path / "cut").exists()
    heard: list[int] = []
    train_gate(model, calibration, tmp_path / "cut", settings, lambda step, _: heard.append(step))
    assert heard == [5, 6, 7, 8, 9, 10]
    again = GateWeights.load(tmp_path / "cut")
    for ours, theirs in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs.detach())


def test_a_state_of_other_settings_is_refused(model, tmp_path):
    def cut(step, _):
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_gate(model, [tiny_ids()], tmp_path / "g", GateTraining(BLOCK, 9, save=1), cut)
    with pytest.raises(EdgeError, match="E0074"):
        train_gate(model, [tiny_ids()], tmp_path / "g", GateTraining(BLOCK, 8, save=1))


def test_a_narrower_gate_has_the_model_s_range_of_frequencies(model, tmp_path):
    own = model_frequencies(model)
    assert torch.equal(resampled(own, 16), own)
    assert torch.allclose(resampled(own, 8), own[::2])
    settings = GateTraining(BLOCK, steps=1, width=8)
    gate = train_gate(model, [tiny_ids()], tmp_path / "gate", settings)
    assert gate.layers[0].key.shape == (2, 48, 8)


@pytest.mark.parametrize(("name", "value"), [("rope_type", "dynamic"), ("inv_freq", torch.ones(4))])
def test_a_model_without_fixed_rotation_of_whole_heads_gets_no_gate(tmp_path, name, value):
    model = tiny_llama(1)
    setattr(model.model.rotary_emb, name, value)
    with pytest.raises(EdgeError, match="E0074"):
        train_gate(model, [tiny_ids()], tmp_path / "gate")


def test_a_gate_needs_text_and_a_known_pooling(model, tmp_path):
    with pytest.raises(EdgeError, match="E0074"):
        train_gate(model, [], tmp_path / "gate")
    with pytest.raises(EdgeError, match="E0074"):
        train_gate(model, [tiny_ids()], tmp_path / "gate", GateTraining(pooling="median"))


def test_a_head_of_a_gate_chooses_the_same_alone_and_among_others(inputs, gate_file):
    q, k, _, scale = inputs[1]
    policy = SeerGate(str(gate_file), kept=2, block=BLOCK)
    together = policy.at(1, range(4)).table(q, k, scale).blocks()
    mixed = placed((AShape(1, 0, BLOCK), policy, AShape(1, 0, BLOCK), policy), 1)
    blocks = layer_table(mixed, q, k, scale).blocks()
    assert torch.equal(blocks[:, 1::2], together[:, 1::2])
    assert blocks[:, ::2].sum(-1).eq(1).all()


def test_a_greater_threshold_keeps_less(inputs, gate_file):
    q, k, _, scale = inputs[0]
    density = [
        SeerGate(str(gate_file), 0, t, BLOCK).at(0, range(4)).table(q, k, scale).density()
        for t in (0.0, 0.1, 0.5, 1.0)
    ]
    assert density == sorted(density, reverse=True)
    assert density[0] == 1


def test_a_plan_finds_its_gate_beside_it_and_the_model_attends_by_it(gate_file):
    plan = AttentionPlan.uniform(SeerGate(gate_file.name, kept=2, block=BLOCK), 2, 4)
    path = gate_file.with_name("plan.json")
    path.write_text(plan.to_json())
    assert json.loads(path.read_text())["heads"][0][0]["weights"] == gate_file.name
    model, ids = tiny_llama(), tiny_ids()
    with torch.no_grad():
        dense = model(ids).logits
        sparse = apply_sparse_attention(model, AttentionPlan.load(path))(ids).logits
        whole = AttentionPlan.uniform(SeerGate(str(gate_file), kept=99, block=BLOCK), 2, 4)
        assert torch.allclose(apply_sparse_attention(model, whole)(ids).logits, dense, atol=1e-4)
    assert torch.allclose(sparse[:, : 2 * BLOCK], dense[:, : 2 * BLOCK], atol=1e-4)
    assert not torch.allclose(sparse, dense, atol=1e-2)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "not a gate"),
        (lambda path: random_gate(8, layers=2).save(path), "pools 8 tokens"),
        (lambda path: random_gate(BLOCK, layers=1).save(path), "layer 1"),
    ],
    ids=["missing", "truncated", "another block", "too few layers"],
)
def test_a_gate_that_cannot_be_used_is_refused_before_the_model_changes(gate_file, spoil, said):
    spoil(gate_file)
    model = tiny_llama()
    plan = AttentionPlan.uniform(SeerGate(str(gate_file), block=BLOCK), 2, 4)
    with pytest.raises(EdgeError, match="E0073") as error:
        apply_sparse_attention(model, plan)
    assert said in str(error.value)
    assert model.config._attn_implementation == "sdpa"


def test_a_gate_with_weights_that_are_no_numbers_is_refused(gate_file):
    gate = random_gate(BLOCK)
    gate.layers[0].key[0, 0, 0] = math.nan
    gate.save(gate_file)
    with pytest.raises(EdgeError, match="not all weights are finite"):
        GateWeights.load(gate_file)


def test_a_gate_for_other_heads_is_refused(inputs, gate_file):
    q, k, _, scale = inputs[0]
    policy = SeerGate(str(gate_file), block=BLOCK)
    with pytest.raises(EdgeError, match="E0073"):
        policy.at(0, [0, 1]).table(q, k, scale)
    with pytest.raises(EdgeError, match="E0073"):
        policy.table(q, k, scale)


def test_the_gate_never_asks_for_the_future():
    gate = random_gate(BLOCK)
    q, k = torch.zeros(1, 4, 60, 16), torch.zeros(1, 2, 60, 16)
    pooled = pools(q, k, gate.frequencies, BLOCK)
    logits = gate_logits(gate.layers[0], pooled, gate.gate_frequencies, BLOCK)
    assert torch.isinf(logits).equal(torch.ones(1, 4, 4, 4, dtype=torch.bool).triu(1))
