"""prune_checkpoint: load a block, prune it, write it, forget it, go on with the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from edge.gpu.pruning.checkpoint import INDEX, Checkpoint
from edge.gpu.pruning.progress import Progress, copy_other_files
from edge.gpu.pruning.ranks import Ranks
from edge.gpu.pruning.skeleton import Skeleton
from edge.quantization.calibration import progress_bar
from edge.sparsity.layerwise.blocks import BlockCall, calls_of_first_block
from edge.sparsity.layerwise.prune import (
    Chosen,
    LayerReport,
    SparsityReport,
    everything,
    prune_block,
)
from edge.sparsity.layerwise.recipe import Recipe


def prune_checkpoint(
    source: Path,
    target: Path,
    recipe: Recipe,
    calibration: torch.Tensor,
    *,
    batch: int = 4,
    chosen: Chosen = everything,
    device: str = "auto",
    progress: bool = False,
) -> SparsityReport:
    """Prune a language model's checkpoint, whatever its size.

    `source` is a folder with config.json and safetensors; `calibration` token ids int64[N, T], run
    `batch` sequences at a time. In memory are one block with the statistics of its layers and the
    hidden states of the calibration data. A run that was cut off goes on after the last complete
    block. Under torchrun each process takes a share of the data and of the rows; the masks are
    those of one process. `target` appears when it is complete.
    Raises EdgeError E0042, E0060 to E0064.
    """
    ranks = Ranks.current()
    checkpoint = Checkpoint.open(source)
    run = Progress(target, _identity(checkpoint, recipe, calibration, batch))
    before = run.resume()
    ranks.wait()
    run.begin()
    skeleton = Skeleton.of(checkpoint, _device(device, ranks))
    stream = _Stream(skeleton, run, ranks, recipe, chosen, torch.split(calibration, batch))
    layers = stream.blocks(before or [], run.next_block if before is not None else 0, progress)
    if ranks.first:
        stream.finish()
    ranks.wait()
    return SparsityReport(str(recipe), tuple(layers))


def _device(name: str, ranks: Ranks) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda", ranks.rank) if torch.cuda.is_available() else torch.device("cpu")


def _identity(
    checkpoint: Checkpoint, recipe: Recipe, calibration: torch.Tensor, batch: int
) -> dict[str, Any]:
    sizes = {
        f: (checkpoint.folder / f).stat().st_size for f in sorted(set(checkpoint.files.values()))
    }
    ids = hashlib.sha256(calibration.contiguous().numpy().tobytes()).hexdigest()[:16]
    return {"source": sizes, "recipe": str(recipe), "calibration": ids, "batch": batch}


@dataclass(frozen=True, eq=False)
class _Stream:
    skeleton: Skeleton
    run: Progress
    ranks: Ranks
    recipe: Recipe
    chosen: Chosen
    batches: Sequence[torch.Tensor]

    def blocks(self, before: list[LayerReport], start: int, progress: bool) -> list[LayerReport]:
        """Prune the blocks that are not done; the reports of all."""
        layers, calls = list(before), self._calls(start)
        left = range(start, len(self.skeleton.blocks))
        for index in progress_bar(left, "pruning blocks", len(left), progress and self.ranks.first):
            with self.skeleton.loaded(index) as block:
                layers += self._prune(block, index, list(calls.values()))
                with torch.no_grad():
                    calls = {i: call.through(block) for i, call in calls.items()}
            self._keep(index + 1, calls, layers)
        return layers

    def _calls(self, start: int) -> dict[int, BlockCall]:
        """The calls of block `start` with this process's batches."""
        mine = self.ranks.mine(len(self.batches))
        inputs = [{"input_ids": self.batches[i].to(self.skeleton.device)} for i in mine]
        with self.skeleton.filled_when_called() as model:
            first = calls_of_first_block(model, self.skeleton.blocks[0], inputs)
        calls = dict(zip(mine, first, strict=True))
        if start == 0:
            return calls
        device = self.skeleton.device
        return {
            i: replace(call, hidden=self.run.hidden(start, i).to(device))
            for i, call in calls.items()
        }

    def _prune(
        self, block: torch.nn.Module, index: int, calls: Sequence[BlockCall]
    ) -> list[LayerReport]:
        name = f"{self.skeleton.prefix}.{index}"
        with torch.no_grad():
            reports = prune_block(
                block, name, calls, self.recipe, self.chosen,
                add_up=self.ranks.add_up, pruner=self.ranks.prune,
            )  # fmt: skip
        if self.ranks.first:
            tensors = {f"{name}.{n}": p.detach() for n, p in block.named_parameters()}
            self.run.shard(_shard(index), tensors)
        return reports

    def _keep(
        self, next_block: int, calls: dict[int, BlockCall], layers: list[LayerReport]
    ) -> None:
        if next_block < len(self.skeleton.blocks):
            for batch, call in calls.items():
                self.run.keep_hidden(next_block, batch, call.hidden)
        self.ranks.wait()
        if self.ranks.first:
            self.run.done(layers, next_block)
        self.ranks.wait()

    def finish(self) -> None:
        """Write the tensors outside the blocks, the index and the small files."""
        files = {
            name: _shard(int(name.removeprefix(self.skeleton.prefix + ".").split(".")[0]))
            for name in self.skeleton.checkpoint.files
            if name.startswith(f"{self.skeleton.prefix}.")
        }
        for place, name in enumerate(self.skeleton.other_tensors(), len(self.skeleton.blocks)):
            self.run.shard(_shard(place), self.skeleton.checkpoint.load([name]))
            files[name] = _shard(place)
        size = sum((self.run.folder / shard).stat().st_size for shard in set(files.values()))
        index = {"metadata": {"total_size": size}, "weight_map": files}
        (self.run.folder / INDEX).write_text(json.dumps(index, indent=1))
        copy_other_files(self.skeleton.checkpoint.folder, self.run.folder)
        self.run.finish()


def _shard(place: int) -> str:
    return f"model-{place + 1:05d}.safetensors"
