"""Files of language models: read as they are, refused with one error where they are broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.errors import EdgeError
from edge.frontends.llama.checkpoint import is_checkpoint, load_checkpoint
from edge.frontends.llama.decoder import Decoder
from edge.frontends.llama.llama2c import is_llama2c, load_llama2c
from edge.frontends.llama.tokenizer import read_tokenizer
from edge.quantization.llama.float_steps import each_step
from tests.models.small_llama import SHAPE, TEXT, small_llama, write_llama2c, write_tokenizer

IDS = np.random.default_rng(1).integers(0, SHAPE.tokens, (2, 20))


def logits(decoder: Decoder) -> np.ndarray:
    return np.stack(list(each_step(decoder, IDS, 64)), axis=1)


@pytest.mark.parametrize("tied", [True, False])
def test_a_llama2c_file_is_read_back(tmp_path: Path, tied: bool) -> None:
    decoder = small_llama(tied=tied)
    path = write_llama2c(decoder, tmp_path / "small.bin")
    assert is_llama2c(path)
    read = load_llama2c(path)
    assert (read.name, read.shape) == ("small", decoder.shape)
    np.testing.assert_array_equal(logits(read), logits(decoder))


def code(error: pytest.ExceptionInfo[EdgeError]) -> str:
    return error.value.diagnostics[0].code


def test_a_file_that_is_cut_short_or_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    path = write_llama2c(small_llama(), tmp_path / "small.bin")
    whole = path.read_bytes()
    # The angles at the end are not needed: what is cut must be a weight.
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EdgeError) as cut:
        load_llama2c(path)
    path.write_bytes(whole[:28] + b"\xff" * 4 + whole[32:])
    with pytest.raises(EdgeError) as nan:
        load_llama2c(path)
    assert (code(cut), code(nan)) == ("E0110", "E0110")


def test_other_files_are_no_llama2c_files(tmp_path: Path) -> None:
    (tmp_path / "zeros.bin").write_bytes(bytes(100))
    (tmp_path / "short.bin").write_bytes(bytes(3))
    assert not any(map(is_llama2c, [*tmp_path.iterdir(), tmp_path, tmp_path / "none.bin"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Llama that transformers saved, random."""
    transformers = pytest.importorskip("transformers", reason="needs transformers: edge-nn[llm]")
    config = transformers.LlamaConfig(
        vocab_size=SHAPE.tokens, hidden_size=SHAPE.width, intermediate_size=SHAPE.hidden,
        num_hidden_layers=SHAPE.layers, num_attention_heads=SHAPE.heads,
        num_key_value_heads=SHAPE.groups, max_position_embeddings=SHAPE.context,
        rms_norm_eps=1e-5, bos_token_id=1, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


def test_a_checkpoint_computes_what_transformers_computes(folder: Path) -> None:
    from transformers import LlamaForCausalLM

    assert is_checkpoint(folder)
    decoder = load_checkpoint(folder)
    assert decoder.shape == SHAPE
    with torch.no_grad():
        expected = LlamaForCausalLM.from_pretrained(folder)(torch.from_numpy(IDS)).logits
    np.testing.assert_allclose(logits(decoder), expected.numpy(), atol=2e-5)


def test_bfloat16_is_read(folder: Path) -> None:
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(folder).to(torch.bfloat16)
    model.save_pretrained(folder)
    expected = [w.detach().float().numpy() for w in (model.model.norm.weight, model.lm_head.weight)]
    decoder = load_checkpoint(folder)
    np.testing.assert_array_equal(decoder.norm, expected[0])
    np.testing.assert_array_equal(decoder.classifier, expected[1])


def test_a_broken_checkpoint_is_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for content in (whole[:-100], whole[:50], b""):
        weights.write_bytes(content)
        with pytest.raises(EdgeError) as cut:
            load_checkpoint(folder)
        assert code(cut) == "E0110"
    weights.unlink()
    with pytest.raises(EdgeError) as missing:
        load_checkpoint(folder)
    assert "lacks" in str(missing.value)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "gpt2"}, {"attention_bias": True}, {"hidden_act": "gelu"}, {"head_dim": 8},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0}},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_model_of_another_kind_is_refused(folder: Path, change: dict) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(EdgeError) as refused:
        load_checkpoint(folder)
    assert code(refused) == "E0111"


def test_a_tokenizer_merges_the_best_pairs_and_back(tmp_path: Path) -> None:
    content = write_tokenizer(tmp_path / "tokenizer.bin").read_bytes()
    tokenizer = read_tokenizer("tokenizer.bin", content)
    ids = tokenizer.encode("the cat")
    assert [tokenizer.decode([i]) for i in ids] == [" the", " cat"]
    assert tokenizer.decode(tokenizer.encode(TEXT)) == f" {TEXT}"
    with pytest.raises(EdgeError) as cut:
        read_tokenizer("tokenizer.bin", content[:-1])
    assert code(cut) == "E0112"


def test_stories_tokenizer_is_that_of_the_test_models() -> None:
    from tests.models.stories260k import FOLDER, Tokenizer

    if not FOLDER.exists():
        pytest.skip("needs stories260k in ../shared/models")
    own = read_tokenizer("tok512.bin", (FOLDER / "tok512.bin").read_bytes())
    text = (FOLDER / "tinystories_sample.txt").read_text()[:2000]
    assert own.encode(text) == Tokenizer().encode(text)
