"""Streamed pruning: equal to pruning in memory, to several processes, to a resumed run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file, save_file

from edge.errors import EdgeError
from edge.gpu.pruning import prune_checkpoint, stream
from edge.gpu.pruning.skeleton import Skeleton
from edge.sparsity.layerwise.prune import prune_layerwise
from edge.sparsity.layerwise.recipe import Recipe
from edge.sparsity.pattern_names import parse_pattern

RECIPE = Recipe(parse_pattern("2:4"))
LAYERS = 3


def _model() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=LAYERS,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of three blocks in several shards."""
    folder = tmp_path_factory.mktemp("dense") / "model"
    _model().save_pretrained(folder, max_shard_size="30KB")
    return folder


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(0, 64, (12, 24), generator=torch.Generator().manual_seed(1))


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint by name, as its index finds them."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    shards = {name: load_file(folder / name) for name in set(index.values())}
    return {name: shards[shard][name] for name, shard in index.items()}


def _equal(one: Path, other: Path) -> bool:
    first, second = _tensors(one), _tensors(other)
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_streaming_gives_the_model_that_memory_gives(checkpoint, ids, tmp_path):
    from transformers import AutoModelForCausalLM

    report = prune_checkpoint(checkpoint, tmp_path / "sparse", RECIPE, ids)
    whole = AutoModelForCausalLM.from_pretrained(checkpoint)
    expected = prune_layerwise(whole, RECIPE, ids.split(4))
    assert report == expected
    assert report.density == pytest.approx(0.5)
    opened = AutoModelForCausalLM.from_pretrained(tmp_path / "sparse")
    assert all(
        torch.equal(a, b) for a, b in zip(opened.parameters(), whole.parameters(), strict=True)
    )


def test_one_block_at_a_time_is_in_memory(checkpoint, ids, tmp_path, monkeypatch):
    largest = 0
    pruned = stream.prune_block

    def count(block: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal largest
        held = sum(p.numel() for p in models[0].parameters() if not p.is_meta)
        largest = max(largest, held - sum(p.numel() for p in block.parameters()))
        return pruned(block, *arguments, **named)

    models: list[Any] = []
    of = Skeleton.of

    def remember(*arguments: Any) -> Skeleton:
        skeleton = of(*arguments)
        models.append(skeleton.model)
        return skeleton

    monkeypatch.setattr(stream, "prune_block", count)
    monkeypatch.setattr(stream.Skeleton, "of", remember)
    prune_checkpoint(checkpoint, tmp_path / "sparse", RECIPE, ids)
    assert largest == 0


def _process(rank: int, world: int, source: Path, target: Path, ids: torch.Tensor) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{target}.rendezvous", rank=rank, world_size=world
    )
    prune_checkpoint(source, target, RECIPE, ids)
    dist.destroy_process_group()


def test_two_processes_choose_the_masks_of_one(checkpoint, ids, tmp_path):
    mp.spawn(_process, (2, checkpoint, tmp_path / "two", ids), 2)
    prune_checkpoint(checkpoint, tmp_path / "one", RECIPE, ids)
    one, two = _tensors(tmp_path / "one"), _tensors(tmp_path / "two")
    assert sum(int(((one[n] == 0) != (two[n] == 0)).sum()) for n in one) == 0


@pytest.mark.parametrize("stop_at", range(1, LAYERS))
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(
    checkpoint, ids, tmp_path, monkeypatch, stop_at
):
    prune_checkpoint(checkpoint, tmp_path / "whole", RECIPE, ids)
    pruned = stream.prune_block

    def fail_at(block: Any, name: str, *arguments: Any, **named: Any) -> Any:
        if name.endswith(f".{stop_at}"):
            raise KeyboardInterrupt
        return pruned(block, name, *arguments, **named)

    monkeypatch.setattr(stream, "prune_block", fail_at)
    with pytest.raises(KeyboardInterrupt):
        prune_checkpoint(checkpoint, tmp_path / "cut", RECIPE, ids)
    assert not (tmp_path / "cut").exists()
    blocks_again = []

    def watch(block: Any, name: str, *arguments: Any, **named: Any) -> Any:
        blocks_again.append(name)
        return pruned(block, name, *arguments, **named)

    monkeypatch.setattr(stream, "prune_block", watch)
    report = prune_checkpoint(checkpoint, tmp_path / "cut", RECIPE, ids)
    assert len(blocks_again) == LAYERS - stop_at
    assert len(report.layers) == 7 * LAYERS
    assert _equal(tmp_path / "whole", tmp_path / "cut")


def test_another_run_s_files_are_left_alone(checkpoint, ids, tmp_path, monkeypatch):
    monkeypatch.setattr(stream._Stream, "finish", lambda self: None)
    prune_checkpoint(checkpoint, tmp_path / "sparse", RECIPE, ids)
    with pytest.raises(EdgeError, match="E0063") as caught:
        prune_checkpoint(checkpoint, tmp_path / "sparse", Recipe(parse_pattern("1:4")), ids)
    assert "recipe" in str(caught.value)


def _without_a_shard(folder: Path) -> None:
    next(folder.glob("model-00002*")).unlink()


def _cut_short(folder: Path) -> None:
    shard = next(folder.glob("model-00002*"))
    shard.write_bytes(shard.read_bytes()[:-100])


def _of_another_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 64}))


def _with_a_nan(folder: Path) -> None:
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    shard = folder / index["model.layers.0.mlp.up_proj.weight"]
    tensors = load_file(shard)
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = torch.nan
    save_file(tensors, shard, {"format": "pt"})


def _without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _of_no_known_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "perceptron"}')


@pytest.mark.parametrize(
    ("damage", "code", "named"),
    [
        (_without_a_shard, "E0060", "model-00002"),
        (_cut_short, "E0060", "model-00002"),
        (_without_config, "E0060", "config.json"),
        (_of_another_size, "E0061", "gate_proj"),
        (_with_a_nan, "E0062", "up_proj"),
        (_of_no_known_kind, "E0064", "model_type"),
    ],
)
def test_a_damaged_checkpoint_is_one_clear_error(checkpoint, ids, tmp_path, damage, code, named):
    folder = tmp_path / "damaged"
    shutil.copytree(checkpoint, folder)
    damage(folder)
    with pytest.raises(EdgeError, match=code) as caught:
        prune_checkpoint(folder, tmp_path / "sparse", RECIPE, ids)
    assert named in str(caught.value)
    assert not (tmp_path / "sparse").exists()
