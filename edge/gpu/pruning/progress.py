"""What a pruning run leaves behind after each block, so that another one can go on from there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from edge.errors import fail
from edge.sparsity.layerwise.prune import LayerReport

OTHER_RUN = "E0063"


@dataclass(frozen=True)
class Progress:
    """A folder beside the target that becomes the target at the end.

    identity: what must be the same for a run to go on: source, recipe and calibration data.
    """

    target: Path
    identity: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where shards are until all are there."""
        return self.target.with_name(self.target.name + ".partial")

    @property
    def _state(self) -> Path:
        return self.folder / "progress.json"

    def resume(self) -> list[LayerReport] | None:
        """The reports of the blocks done so far, None for a new run.

        Raises EdgeError E0063 if another run's files are in the way.
        """
        if self.target.exists():
            raise fail(OTHER_RUN, f"{self.target} is there already", str(self.target),
                       help=["remove it, or name another folder"])  # fmt: skip
        if not self._state.is_file():
            return None
        state = json.loads(self._state.read_text())
        if state["identity"] != dict(self.identity):
            raise fail(OTHER_RUN, f"{self.folder} belongs to another run", str(self.folder),
                       notes=[f"{k}: {state['identity'].get(k)} there, {v} here"
                              for k, v in self.identity.items()
                              if state["identity"].get(k) != v],
                       help=["remove it, or name another target"])  # fmt: skip
        return [LayerReport(**{**row, "shape": tuple(row["shape"])}) for row in state["layers"]]

    def begin(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def shard(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        """Write a shard, whole or not at all."""
        whole = {key: tensor.contiguous().cpu() for key, tensor in tensors.items()}
        _replace(self.folder / name, lambda path: save_file(whole, path, {"format": "pt"}))

    def keep_hidden(self, block: int, batch: int, hidden: torch.Tensor) -> None:
        """The hidden states that go into a block."""
        path = self._hidden(block, batch)
        _replace(path, lambda p: save_file({"hidden": hidden.contiguous().cpu()}, p))

    def hidden(self, block: int, batch: int) -> torch.Tensor:
        """What `keep_hidden` kept."""
        return load_file(self._hidden(block, batch))["hidden"]

    def _hidden(self, block: int, batch: int) -> Path:
        return self.folder / f"hidden-{block:05d}-{batch:05d}.safetensors"

    def done(self, layers: Sequence[LayerReport], next_block: int) -> None:
        """Note that all blocks before `next_block` are complete."""
        state = {"identity": dict(self.identity), "layers": [asdict(row) for row in layers],
                 "next_block": next_block}  # fmt: skip
        _replace(self._state, lambda path: path.write_text(json.dumps(state)))
        for old in self.folder.glob(f"hidden-{next_block - 1:05d}-*"):
            old.unlink()

    @property
    def next_block(self) -> int:
        """The first block that is not complete."""
        return int(json.loads(self._state.read_text())["next_block"])

    def finish(self) -> None:
        """Make the folder the target."""
        for left in [self._state, *self.folder.glob("hidden-*")]:
            left.unlink()
        os.replace(self.folder, self.target)


def _replace(path: Path, write: Any) -> None:
    staged = path.with_name(path.name + ".writing")
    write(staged)
    os.replace(staged, path)


def copy_other_files(source: Path, target: Path) -> None:
    """Configuration and tokenizer: everything small that is not a shard."""
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("model") and path.suffix != ".safetensors":
            shutil.copy(path, target / path.name)
