"""`edge prune FOLDER`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.cli.prune_command import command
from edge.errors import EdgeError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Llama."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "dense"
    LlamaForCausalLM(config).save_pretrained(path)
    return path


def _run(folder: Path, out: Path, *arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(
        command,
        [str(folder), "--pattern", "2:4", "-o", str(out), "-q", "--json", *arguments],
        catch_exceptions=False,
    )
    return dict(json.loads(result.stdout))


def test_a_checkpoint_folder_is_pruned(folder, tmp_path):
    np.save(tmp_path / "ids.npy", np.arange(64).reshape(4, 16) % 32)
    result = _run(folder, tmp_path / "sparse", "--data", str(tmp_path / "ids.npy"))
    assert result["density"] == 0.5
    assert len(result["layers"]) == 14
    assert (tmp_path / "sparse" / "config.json").is_file()


@pytest.mark.parametrize("ids", [None, np.zeros((2, 2), np.float32), np.zeros(3, np.int64)])
def test_data_that_is_no_token_ids_is_refused(folder, tmp_path, ids):
    arguments = []
    if ids is not None:
        np.save(tmp_path / "ids.npy", ids)
        arguments = ["--data", str(tmp_path / "ids.npy")]
    with pytest.raises(EdgeError, match="E0030"):
        _run(folder, tmp_path / "sparse", *arguments)
    assert not (tmp_path / "sparse").exists()


def test_a_text_needs_a_tokenizer(folder, tmp_path):
    (tmp_path / "text.txt").write_text("once upon a time")
    with pytest.raises(EdgeError, match="tokenizer"):
        _run(folder, tmp_path / "sparse", "--data", str(tmp_path / "text.txt"))


def test_options_of_the_other_kind_of_model_are_refused(folder, tmp_path):
    def wrong(model: str, *arguments: str) -> str:
        settings = [model, "--pattern", "2:4", "-o", str(tmp_path / "out"), *arguments]
        result = CliRunner().invoke(command, settings)
        assert result.exit_code == 2
        return result.output

    assert "--epochs" in wrong(str(folder), "--epochs", "2")
    assert "--method" in wrong("net.pt2", "--method", "wanda")
