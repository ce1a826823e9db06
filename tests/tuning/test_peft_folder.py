"""Adapters go to peft and come from it: the same logits, or one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from edge.errors import EdgeError
from edge.serving import read_adapter
from edge.tuning.adapters import combine, fuse
from edge.tuning.attach import attach
from edge.tuning.dylora import DyLoRAConfig, DyLoRATuner
from edge.tuning.generative import GenerativeConfig, GenerativeTuner
from edge.tuning.ist import ISTConfig
from edge.tuning.lora import LoRAConfig, ResumeConfig
from edge.tuning.low_rank import LowRank
from edge.tuning.mosa import MoSAConfig
from edge.tuning.peft_folder import CONFIG, TENSORS, read_peft, write_peft
from tests.tuning.networks import IDS, bits, language_model, output, same, train, unet


def peft_output(folder: Path, base: nn.Module | None = None) -> torch.Tensor:
    loaded = PeftModel.from_pretrained(base or language_model(), str(folder)).eval()
    return output(loaded if base is None else loaded.base_model.model)


def saved(folder: Path, **settings: Any) -> torch.Tensor:
    """A trained adapter that peft writes; what the model then computes."""
    config = LoraConfig(**{"r": 3, "lora_alpha": 5, "target_modules": ["q_proj", "down_proj"],
                           **settings})  # fmt: skip
    model = get_peft_model(language_model(), config)
    train(model, [p for p in model.parameters() if p.requires_grad])
    model.save_pretrained(str(folder))
    return output(model.eval())


@pytest.mark.parametrize(
    "config",
    [
        LoRAConfig(2, alpha=3.0, targets=("q_proj", "down_proj")),
        ISTConfig(LoRAConfig(2), share=0.5),
        DyLoRAConfig(4),
    ],
)
def test_peft_loads_what_was_tuned(config: Any, tmp_path: Path) -> None:
    model = language_model()
    tuner = attach(model, config)
    train(model, tuner.parameters())
    if isinstance(tuner, DyLoRATuner):
        tuner.use(2)
    write_peft(tuner.state(), tmp_path / "adapter")
    assert (peft_output(tmp_path / "adapter") - output(model)).abs().max() < 1e-5
    assert (output(model) - output(language_model())).abs().max() > 1e-3


def test_peft_loads_the_adapter_of_a_context(tmp_path: Path) -> None:
    model = language_model()
    tuner = attach(model, GenerativeConfig(width=12, rank=3))
    assert isinstance(tuner, GenerativeTuner)
    for layer in tuner.layers.values():
        nn.init.normal_(layer.up)
    tuner.read(IDS)
    write_peft(tuner.state(), tmp_path)
    assert (peft_output(tmp_path) - output(model)).abs().max() < 1e-5


def test_peft_loads_a_sum_whose_layers_have_several_ranks(tmp_path: Path) -> None:
    states = []
    for rank, targets in ((2, ("q_proj", "up_proj")), (3, ("q_proj",))):
        model = language_model()
        tuner = attach(model, LoRAConfig(rank, targets=targets))
        train(model, tuner.parameters())
        states.append(tuner.state())
    both = combine(states, [1.0, -0.5])
    write_peft(both, tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    assert set(config["rank_pattern"].values()) | {config["r"]} == {2, 5}
    fuse(base := language_model(), both)
    assert (peft_output(tmp_path) - output(base)).abs().max() < 1e-5
    assert {name: pair.rank for name, pair in read_peft(tmp_path).items()} == {
        name: change.down.shape[0]  # type: ignore[attr-defined]
        for name, change in both.items()
    }


def test_peft_loads_convolutions(tmp_path: Path) -> None:
    model = unet()
    tuner = attach(model, LoRAConfig(2, targets=("conv_in", "downsamplers.0")))
    train(model, tuner.parameters())
    write_peft(tuner.state(), tmp_path)
    assert (peft_output(tmp_path, unet()) - output(model)).abs().max() < 1e-5


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"use_rslora": True}, {"target_modules": ["v_proj"]},
        {"rank_pattern": {"layers.1.mlp.down_proj": 5}, "alpha_pattern": {"q_proj": 2}},
    ],
)  # fmt: skip
def test_what_peft_saved_is_tuned_further(settings: dict[str, Any], tmp_path: Path) -> None:
    wanted, model = saved(tmp_path, **settings), language_model()
    before = bits(model)
    tuner = attach(model, ResumeConfig(read_peft(tmp_path)))
    assert (output(model) - wanted).abs().max() < 1e-5
    train(model, tuner.parameters())
    assert (output(model) - wanted).abs().max() > 1e-4
    assert same(bits(tuner.revert()), before)


def test_the_serving_pool_reads_the_same_folder(tmp_path: Path) -> None:
    tuner = attach(model := language_model(), LoRAConfig(2))
    train(model, tuner.parameters())
    write_peft(tuner.state(), tmp_path)
    for name, pair in read_adapter(tmp_path).items():
        assert torch.equal(pair.down, tuner.state()[f"{name}.weight"].down)  # type: ignore[attr-defined]


def test_changes_that_peft_has_no_form_for_are_refused(tmp_path: Path) -> None:
    state = attach(language_model(), MoSAConfig(4)).state()
    with pytest.raises(EdgeError, match="E0085"):
        write_peft(state, tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()


def pair(value: float = 1.0) -> LowRank:
    return LowRank(torch.full((2, 16), value), torch.ones(16, 2), 1.0)


def damaged(folder: Path, what: str) -> None:
    name = "model.layers.0.self_attn.q_proj.weight"
    write_peft({name: pair()}, folder)
    config = json.loads((folder / CONFIG).read_text())
    if what in ("adapter_config", "adapter_model"):
        next(folder.glob(f"{what}*")).unlink()
    elif what == "cut short":
        (folder / TENSORS).write_bytes((folder / TENSORS).read_bytes()[:90])
    elif what == "rank 2, the configuration says 3":
        (folder / CONFIG).write_text(json.dumps({**config, "r": 3}))
    elif what == "peft_type is LOHA":
        (folder / CONFIG).write_text(json.dumps({**config, "peft_type": "LOHA"}))
    else:
        (folder / CONFIG).write_text(json.dumps({**config, "use_dora": True}))


@pytest.mark.parametrize(
    "what",
    ["adapter_config", "adapter_model", "cut short", "rank 2, the configuration says 3",
     "peft_type is LOHA", "use_dora"],
)  # fmt: skip
def test_a_folder_that_is_no_plain_adapter_is_one_clear_error(what: str, tmp_path: Path) -> None:
    damaged(tmp_path, what)
    with pytest.raises(EdgeError, match="E0084") as caught:
        read_peft(tmp_path)
    assert what == "cut short" or what in str(caught.value)


def test_values_that_are_no_numbers_are_neither_written_nor_read(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    name = "model.layers.0.self_attn.q_proj.weight"
    with pytest.raises(EdgeError, match="E0088"):
        write_peft({name: pair(float("nan"))}, tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()
    write_peft({name: pair()}, tmp_path)
    tensors = load_file(tmp_path / TENSORS)
    save_file({key: t * float("inf") for key, t in tensors.items()}, tmp_path / TENSORS)
    with pytest.raises(EdgeError, match="not finite"):
        read_peft(tmp_path)


def test_an_adapter_of_another_model_or_kind_is_not_tuned_further() -> None:
    model = language_model()
    before = bits(model)
    with pytest.raises(EdgeError, match="E0080"):
        attach(model, ResumeConfig({"lm_head.weight": pair()}))
    with pytest.raises(EdgeError, match="E0081"):
        attach(model, ResumeConfig(attach(language_model(), MoSAConfig(4)).state()))
    assert same(bits(model), before)
