"""Adapter folders that are damaged or of another base model: one clear error, nothing loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from edge.errors import EdgeError
from edge.serving import AdapterPool, Engine, Request, mixed_batch, read_adapter
from tests.serving.conftest import merged, small_llama

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@pytest.fixture(scope="module")
def saved(llama, tmp_path_factory) -> Path:
    """What peft writes, with layers of two ranks and scales."""
    peft = pytest.importorskip("peft", reason="needs peft: pip install 'edge-nn[llm]'")
    config = peft.LoraConfig(
        r=4, lora_alpha=6, target_modules=["q_proj", "down_proj"], init_lora_weights=False,
        rank_pattern={"down_proj": 2}, alpha_pattern={"layers.1.mlp.down_proj": 5},
    )  # fmt: skip
    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("peft")
    peft.get_peft_model(small_llama(), config).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "adapter")
    return tmp_path / "adapter"


@torch.no_grad()
def test_ranks_and_scales_of_layers_are_read_as_peft_reads_them(folder, llama):
    peft = pytest.importorskip("peft")
    theirs = peft.PeftModel.from_pretrained(small_llama(), folder)
    ids, adapter = torch.tensor([[4, 8, 15, 16]]), read_adapter(folder)
    assert {part.rank for part in adapter.values()} == {2, 4}
    assert {part.scale for part in adapter.values()} == {1.5, 2.5, 3.0}
    assert torch.allclose(merged(llama, adapter)(ids).logits, theirs(ids).logits, atol=1e-4)


def _edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


def _edit_weights(folder: Path, change) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def _cut(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) * 2 // 3])


def _not_finite(tensors: dict[str, torch.Tensor]) -> None:
    next(iter(tensors.values()))[0, 0] = float("nan")


def _without_one(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[next(name for name in tensors if "lora_B" in name)]


DAMAGES = {
    "no configuration": (lambda f: (f / CONFIG).unlink(), "cannot be read"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "cannot be read"),
    "cut short": (_cut, "cannot be read"),
    "no safetensors": (lambda f: (f / WEIGHTS).write_text("weights"), "cannot be read"),
    "no JSON": (lambda f: (f / CONFIG).write_text("{"), "cannot be read"),
    "another JSON": (lambda f: (f / CONFIG).write_text("[]"), "cannot be read"),
    "no rank": (lambda f: _edit_config(f, r=None), "cannot be read"),
    "another rank": (lambda f: _edit_config(f, r=8), "another rank"),
    "another kind": (lambda f: _edit_config(f, peft_type="IA3"), "peft_type is IA3"),
    "DoRA": (lambda f: _edit_config(f, use_dora=True), "use_dora"),
    "not finite": (lambda f: _edit_weights(f, _not_finite), "not finite"),
    "half a pair": (lambda f: _edit_weights(f, _without_one), "no pair"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_folders_are_one_clear_error(damage, folder):
    change, reason = DAMAGES[damage]
    change(folder)
    with pytest.raises(EdgeError, match=f"(?s)E0091.*{reason}") as caught:
        read_adapter(folder)
    assert len(caught.value.diagnostics) == 1
    assert str(folder) in str(caught.value)


def test_an_adapter_of_another_base_model_is_refused_and_nothing_stays_loaded(folder):
    adapter, pool = read_adapter(folder), AdapterPool(200, 128)
    for other, reason in (
        (small_llama(hidden_size=48), "48 inputs"),
        (small_llama(num_hidden_layers=1), "no linear layer model.layers.1"),
    ):
        with pytest.raises(EdgeError, match=f"E0091.*{reason}"):
            Engine(other, pool, {"a": adapter})
        assert pool.free == 200
    pool.load("a", adapter)
    wider = small_llama(hidden_size=48)
    with pytest.raises(EdgeError, match=r"E0091.*48 inputs"), mixed_batch(wider, pool, ["a"]):
        wider(torch.tensor([[1, 2]]))
    pool.evict("a")
    assert pool.free == 200


def test_a_read_adapter_serves(folder, llama):
    adapter = read_adapter(folder)
    engine = Engine(llama, AdapterPool(200, 64), {"a": adapter})
    (made,) = engine.complete([Request([4, 8, 15], 5, adapter="a")])
    ids = merged(llama, adapter).generate(
        torch.tensor([[4, 8, 15]]), max_new_tokens=5, do_sample=False, pad_token_id=0
    )
    assert list(made.tokens) == ids[0, 3:].tolist()
