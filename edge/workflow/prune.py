"""Pruning a torch model with training: what `edge prune` does."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge.errors import fail
from edge.frontends.torch_export import export_module, load_pt2, make_module
from edge.silence import silenced
from edge.sparsity.layers import scores_of
from edge.sparsity.masked import attach, bake, sparse_layers, sparsity_of
from edge.sparsity.patterns import NM, Block, Pattern, parse_pattern
from edge.sparsity.rearrangement.module import rearrange_module
from edge.sparsity.rearrangement.rearrange import retained
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.schedules.one_shot import OneShot
from edge.sparsity.training import Training, train

Arrays = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Pruned:
    """A module with zeros in its weights, its example inputs, and a record a layer.

    A record has the layer's name, its sparsity and `retained`, the share of magnitude that a mask
    of that sparsity kept before training.
    """

    module: nn.Module
    example_inputs: Any
    layers: Sequence[Mapping[str, Any]]


def prune(
    model: Any,
    pattern: str | Pattern,
    sparsity: float | Mapping[str, float],
    data: Path | Arrays | None = None,
    *,
    epochs: int = 0,
    rearranged: bool = True,
    criterion: str = "l1",
    rate: float = 0.02,
    batch: int = 128,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: bool = True,
) -> Pruned:
    """Remove weights of a torch model and train the others.

    `model` is a .pt2 file, "package.module:function" or (module, example_inputs). `sparsity` is
    that of every layer that the pattern fits, or of layers by name. Channels are rearranged first
    where the pattern gains from it. With `epochs` the module trains on `data` (.npz with float
    inputs and integer labels, one sample a row, or two tensors) while sparsity grows along a cubic
    curve; without, it is pruned at once. A .pt2 file keeps the statistics of its batch norms and
    takes one sample at a time, as it was exported.
    Raises EdgeError E0040 to E0049, E0001, E0002, E0030.
    """
    module, example, at_once = _trainable(model)
    chosen = parse_pattern(pattern) if isinstance(pattern, str) else pattern
    if epochs > 0 and data is None:
        raise fail("E0030", "training needs data", help=["--data train.npz, or --epochs 0"])
    if rearranged and isinstance(chosen, Block | NM):
        rearrange_module(module, example, chosen, sparsity)
    attach(module, chosen, sparsity)
    records = _records(module)
    if epochs > 0 and data is not None:
        inputs, targets = _arrays(data, example) if isinstance(data, Path) else data
        training = Training(
            epochs, batch=batch, at_once=at_once, rate=rate, seed=seed, progress=progress
        )
        train(
            module, inputs, targets, training, Cubic(criterion=criterion, seed=seed),
            checkpoint=checkpoint,
        )  # fmt: skip
    else:
        OneShot(criterion, seed).begin(module, 0)
    bake(module)
    reached = sparsity_of(module)
    layers = [{**row, "sparsity": round(reached[row["name"]], 6)} for row in records]
    return Pruned(module, example, layers)


def prune_file(
    model: str, pattern: str, sparsity: float, data: Path | None, out: Path, **settings: Any
) -> dict[str, Any]:
    """What `edge prune` does: prune, train, write a .pt2 file."""
    if out.suffix != ".pt2":
        raise fail("E0002", f"cannot write {out}", help=["name a .pt2 file: -o pruned.pt2"])
    pruned = prune(model, pattern, sparsity, data, **settings)
    program = export_module(pruned.module, pruned.example_inputs)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder, silenced():
        staged = Path(folder) / out.name
        torch.export.save(program, staged)
        os.replace(staged, out)
    return {"out": str(out), "pattern": pattern, "layers": list(pruned.layers)}


def _trainable(model: Any) -> tuple[nn.Module, Any, int | None]:
    """The module, its example inputs, and how many samples it takes at once if that is fixed."""
    if isinstance(model, tuple):
        module, example = model
        return module, example, None
    if str(model).endswith(".pt2"):
        path = Path(model)
        if not path.is_file():
            raise fail("E0001", f"no such model file: {path}")
        program = load_pt2(path)
        example, _ = program.example_inputs
        return program.module(), example, len(example[0])
    if ":" in str(model):
        module, example = make_module(str(model))
        return module, example, None
    raise fail(
        "E0002", f"{model} cannot be trained",
        help=["give a .pt2 file or package.module:function",
              "edge export --prune PATTERN:SPARSITY prunes any model without training"],
    )  # fmt: skip


def _records(module: nn.Module) -> list[dict[str, Any]]:
    """The share of |w| that a mask of the wanted sparsity keeps, by layer."""
    records = []
    for sparse in sparse_layers(module):
        scores = np.abs(scores_of(sparse.original))
        mask = sparse.masked.pattern.mask(scores, sparse.masked.sparsity)
        records.append({"name": sparse.name, "retained": round(retained(scores, mask), 4)})
    return records


def _arrays(path: Path, example: Any) -> Arrays:
    """The float and the integer array of an .npz file. Raises EdgeError E0030."""
    try:
        with np.load(path, allow_pickle=False) as loaded:
            arrays = [loaded[name] for name in loaded.files]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise fail("E0030", f"cannot read training data: {error}", str(path)) from error
    inputs = [a for a in arrays if a.dtype.kind == "f"]
    labels = [a for a in arrays if a.dtype.kind in "iu" and a.ndim == 1]
    if len(inputs) != 1 or len(labels) != 1 or len(inputs[0]) != len(labels[0]):
        raise fail(
            "E0030", "training data is not one float array and labels for its rows", str(path),
            notes=[f"it holds {', '.join(f'{a.dtype}{list(a.shape)}' for a in arrays)}"],
            help=["write it with numpy.savez(path, x=float32_inputs, y=integer_labels)"],
        )  # fmt: skip
    wanted = tuple(example[0].shape[1:])
    if inputs[0].shape[1:] != wanted:
        raise fail(
            "E0030", f"a sample has shape {list(inputs[0].shape[1:])}", str(path),
            help=[f"the model takes {list(wanted)}"],
        )  # fmt: skip
    return (
        torch.from_numpy(inputs[0].astype(np.float32)),
        torch.from_numpy(labels[0].astype(np.int64)),
    )
