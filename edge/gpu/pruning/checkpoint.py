"""A folder with config.json and safetensors shards, checked before any work is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from edge.errors import EdgeError, fail

UNREADABLE, SHAPE, NOT_FINITE = "E0060", "E0061", "E0062"
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """files: the shard of every tensor by its name; shapes: of every tensor."""

    folder: Path
    files: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read the index and the head of every shard.

        Raises EdgeError E0060 naming what is missing or cut short.
        """
        if not (folder / "config.json").is_file():
            raise _unreadable(folder, "there is no config.json")
        files = _index(folder)
        shapes: dict[str, tuple[int, ...]] = {}
        for shard in sorted(set(files.values())):
            shapes |= _shapes(folder / shard)
        lost = sorted(set(files) - set(shapes))
        if lost:
            raise _unreadable(folder, f"{INDEX} names tensors that no shard holds: {lost[0]}")
        return cls(folder, files, {name: shapes[name] for name in files})

    def require(self, wanted: Mapping[str, tuple[int, ...]]) -> None:
        """Raise EdgeError E0060 or E0061 unless tensors of these shapes are there."""
        missing = sorted(set(wanted) - set(self.files))
        if missing:
            raise _unreadable(
                self.folder, f"{len(missing)} tensors are missing, {missing[0]} first"
            )
        for name, shape in wanted.items():
            if self.shapes[name] != shape:
                raise fail(
                    SHAPE, f"{name} has shape {list(self.shapes[name])}", str(self.folder),
                    help=[f"config.json asks for {list(shape)}; give the config of this model"],
                )  # fmt: skip

    def load(self, names: Iterable[str], device: Any = "cpu") -> dict[str, torch.Tensor]:
        """Read tensors. Raises EdgeError E0062 for values that are not finite."""
        loaded = {}
        for name in names:
            with safe_open(self.folder / self.files[name], "pt", device=str(device)) as shard:
                tensor = shard.get_tensor(name)
            if not tensor.isfinite().all():
                raise fail(NOT_FINITE, f"{name} holds values that are not finite",
                           str(self.folder / self.files[name]),
                           help=["the checkpoint is damaged: fetch or save it again"])  # fmt: skip
            loaded[name] = tensor
        return loaded


def _index(folder: Path) -> dict[str, str]:
    """The shard of every tensor."""
    if (folder / INDEX).is_file():
        try:
            names: dict[str, str] = json.loads((folder / INDEX).read_text())["weight_map"]
        except (ValueError, KeyError) as error:
            raise _unreadable(folder, f"{INDEX} cannot be read: {error}") from error
        return names
    if not (folder / SINGLE).is_file():
        raise _unreadable(folder, f"there is neither {INDEX} nor {SINGLE}")
    return dict.fromkeys(_shapes(folder / SINGLE), SINGLE)


def _shapes(shard: Path) -> dict[str, tuple[int, ...]]:
    if not shard.is_file():
        raise _unreadable(shard.parent, f"shard {shard.name} is missing")
    try:
        with safe_open(shard, "pt") as opened:
            names = list(opened.keys())
            return {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except SafetensorError as error:
        raise _unreadable(shard.parent, f"shard {shard.name} is damaged: {error}") from error


def _unreadable(folder: Path, what: str) -> EdgeError:
    return fail(
        UNREADABLE, f"{folder} is not a whole checkpoint: {what}", str(folder),
        help=["give a folder with config.json and model*.safetensors as transformers saves it"],
    )  # fmt: skip
