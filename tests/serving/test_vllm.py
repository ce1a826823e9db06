"""The hand-over to vLLM: transformers, compressed-tensors and peft read what was written."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from edge.errors import EdgeError
from edge.gpu.linear import NMLinear, sparsify_linears_
from edge.serving import LowRank
from edge.serving.vllm import export_vllm
from edge.sparsity.layerwise.row_masks import keep_mask
from edge.sparsity.patterns import NM
from tests.serving.conftest import merged, small_llama

IDS = torch.tensor([[5, 9, 33, 2, 17, 60, 1]])
BLOCK_LINEARS = 14


def _read(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()


@torch.no_grad()
def _logits(model):
    return model(IDS).logits


def _difference(one, other) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("shards", [10**9, 20_000])
def test_a_merged_checkpoint_and_peft_adapters_read_back(
    shards, llama, adapters, with_adapter, tmp_path
):
    peft = pytest.importorskip("peft", reason="needs peft: pip install 'edge-nn[llm]'")
    report = export_vllm(llama, adapters, tmp_path / "out", merge="a1", shard_bytes=shards)
    assert (report.merged, dict(report.adapters)) == ("a1", {"a3": 3, "a8": 8})
    assert len(list((tmp_path / "out/model").glob("*.safetensors"))) == (1 if shards > 1e6 else 5)
    base = _read(tmp_path / "out/model")
    assert torch.allclose(_logits(base), _logits(with_adapter["a1"]), atol=1e-5)
    for name in ("a3", "a8"):
        tuned = peft.PeftModel.from_pretrained(
            copy.deepcopy(base), tmp_path / "out/adapters" / name
        )
        wanted = merged(with_adapter["a1"], adapters[name])
        assert torch.allclose(_logits(tuned), _logits(wanted), atol=1e-4)


@pytest.mark.parametrize(
    ("quantization", "bits", "error", "left"),
    [("int8", 8, 0.03, 1), ("fp8", 8, 0.12, 1), ("int4", 4, 0.25, 3)],
)
def test_quantized_checkpoints_read_back(quantization, bits, error, left, llama, tmp_path):
    """`left`: the output layer, and for int4 two whose 48 inputs are no whole groups."""
    pytest.importorskip("compressed_tensors", reason="pip install compressed-tensors")
    report = export_vllm(llama, {}, tmp_path / "out", quantization=quantization)
    assert len(report.quantized) == BLOCK_LINEARS - left + 1
    read = _read(tmp_path / "out/model")
    made = _logits(read)
    assert 1e-4 < _difference(made, _logits(llama)) < error
    dense = dict(llama.named_parameters())
    for name in report.quantized:
        its, wanted = _weight(read.get_submodule(name)), dense[f"{name}.weight"]
        step = wanted.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
        limit = 0.51 * step if quantization != "fp8" else wanted.abs() / 16 + step / 8
        assert bool(((its - wanted).abs() <= limit).all()), name
    config = json.loads((tmp_path / "out/model/config.json").read_text())["quantization_config"]
    assert len(config["ignore"]) == left


def _weight(layer) -> torch.Tensor:
    """A layer's weight after transformers made it dense, as it does in the first call."""
    weight: torch.Tensor = layer.weight.detach().float()
    return weight


def test_packed_2_of_4_layers_are_unpacked_and_the_report_says_so(tmp_path):
    model = small_llama(3)
    for layer in model.model.layers:
        weight = layer.mlp.up_proj.weight
        weight.data *= keep_mask(weight.abs(), NM(2, 4), 0.5)
    dense = copy.deepcopy(model)
    packed = sparsify_linears_(model, NM(2, 4), 32)
    assert len(packed) == 2
    report = export_vllm(model, {}, tmp_path / "out")
    assert report.unpacked == tuple(packed)
    assert "2:4" in report.notes[0]
    assert json.loads((tmp_path / "out/export.json").read_text())["notes"] == list(report.notes)
    read = _read(tmp_path / "out/model")
    assert torch.equal(_logits(read), _logits(dense))
    assert any(isinstance(module, NMLinear) for module in model.modules())


def test_tied_weights_are_written_once(tmp_path):
    model = small_llama(4, tie_word_embeddings=True)
    report = export_vllm(model, {}, tmp_path / "out")
    assert report.bytes == sum(p.nbytes for p in model.parameters())
    assert torch.allclose(_logits(_read(tmp_path / "out/model")), _logits(model), atol=1e-6)


def test_what_cannot_be_exported_leaves_nothing(llama, adapters, tmp_path):
    other = {"b": {"model.layers.0.mlp.up_proj": LowRank(torch.zeros(2, 9), torch.zeros(9, 2), 1)}}
    broken = copy.deepcopy(llama)
    broken.model.norm.weight.data[3] = float("nan")
    for model, its, settings, code in (
        (llama, {}, {"quantization": "nf4"}, "E0098.*nf4"),
        (llama, {}, {"merge": "a1"}, "E0098.*no adapter 'a1'"),
        (llama, other, {}, "E0091"),
        (broken, {}, {}, "E0098.*not finite"),
    ):
        with pytest.raises(EdgeError, match=code):
            export_vllm(model, its, tmp_path / "out", **settings)
        assert not list(tmp_path.iterdir())
    export_vllm(llama, adapters, tmp_path / "out")
    with pytest.raises(EdgeError, match=r"E0098.*the folder exists"):
        export_vllm(llama, adapters, tmp_path / "out")
