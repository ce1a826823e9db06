"""Pruning a torch model with training: what `edge prune` does."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge.errors import fail
from edge.frontends.torch_export import export_module, load_pt2, make_module
from edge.silence import silenced
from edge.sparsity.layers import Layer, scores_of, weighted_layers
from edge.sparsity.masked import attach, bake, sparse_layers, sparsity_of
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Block, KernelPattern, Pattern, check_sparsity
from edge.sparsity.rearrangement.module import rearrange_module
from edge.sparsity.rearrangement.rearrange import retained
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.schedules.one_shot import OneShot
from edge.sparsity.training import Training, train
from edge.target import load_target
from edge.workflow.prune_budget import Budget, instructions, int8_graph, sparsities

Arrays = tuple[torch.Tensor, torch.Tensor]

_SAMPLES = 32  # that set the scales of a model whose instructions are predicted


@dataclass(frozen=True, eq=False)
class Pruned:
    """A module with zeros in its weights, its example inputs, and a record a layer.

    A record has the layer's name, its sparsity and `retained`, the share of magnitude that a mask
    of that sparsity kept before training. `skipped` are the layers that stay dense and why.
    `predicted` holds a budget's target, instructions of the `dense` and the `pruned` model as the
    planner predicts them, and their `ratio`.
    """

    module: nn.Module
    example_inputs: Any
    layers: Sequence[Mapping[str, Any]]
    skipped: Mapping[str, str]
    predicted: Mapping[str, Any] | None = None


def prune(
    model: Any,
    pattern: str | Pattern,
    sparsity: float | Mapping[str, float] | Budget,
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
    that of every layer that the pattern fits, of layers by name, or a budget that layers get theirs
    from. Channels are rearranged first where the pattern gains from it. With `epochs` the module
    trains on `data` (.npz with float inputs and integer labels, one sample a row, or two tensors)
    while sparsity grows along a cubic curve; without, it is pruned at once. A .pt2 file keeps the
    statistics of its batch norms and takes one sample at a time, as it was exported.
    Raises EdgeError E0040 to E0050, E0001, E0002, E0030.
    """
    module, example, at_once = _trainable(model)
    chosen = parse_pattern(pattern) if isinstance(pattern, str) else pattern
    if epochs > 0 and data is None:
        raise fail("E0030", "training needs data", help=["--data train.npz, or --epochs 0"])
    arrays = _arrays(data, example) if isinstance(data, Path) else data
    meter = None
    if isinstance(sparsity, Budget):
        meter = _Meter(sparsity.target, example, None if arrays is None else arrays[0])
        dense = meter.instructions(module)
        sparsity = sparsities(module, example, chosen, sparsity, meter.samples, progress)
    _require_shares(sparsity)
    if rearranged and isinstance(chosen, Block | NM):
        rearrange_module(module, example, chosen, sparsity)
    attach(module, chosen, sparsity)
    records = _records(module)
    if epochs > 0 and arrays is not None:
        inputs, targets = arrays
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
    skipped = _skipped(module, chosen, {row["name"] for row in layers})
    predicted = None if meter is None else meter.record(dense, module)
    return Pruned(module, example, layers, skipped, predicted)


def _require_shares(sparsity: float | Mapping[str, float]) -> None:
    """Raise EdgeError E0040, naming the layer, for what is no sparsity."""
    shares = sparsity.items() if isinstance(sparsity, Mapping) else [("", sparsity)]
    for name, share in shares:
        check_sparsity(share, name)


@dataclass(frozen=True, eq=False)
class _Meter:
    """Predicts the instructions of a module on a target, its scales set by some samples."""

    target: str
    example_inputs: Any
    inputs: torch.Tensor | None

    @property
    def samples(self) -> Any:
        return None if self.inputs is None else self.inputs[:_SAMPLES].numpy()

    def instructions(self, module: nn.Module) -> float:
        graph = int8_graph(module, self.example_inputs, self.samples)
        return instructions(graph, load_target(self.target))

    def record(self, dense: float, module: nn.Module) -> dict[str, Any]:
        pruned = self.instructions(module)
        return {
            "target": self.target, "dense": round(dense), "pruned": round(pruned),
            "ratio": round(pruned / dense, 4),
        }  # fmt: skip


def _skipped(module: nn.Module, pattern: Pattern, pruned: Collection[str]) -> dict[str, str]:
    """Why each layer that is not pruned is not."""
    return {
        name: _reason(layer, pattern)
        for name, layer in weighted_layers(module).items()
        if name not in pruned
    }


def _reason(layer: Layer, pattern: Pattern) -> str:
    if layer.depthwise and not isinstance(pattern, KernelPattern):
        return "depthwise filters take part in the kernel pattern alone"
    return pattern.misfit(layer.shape) or "not chosen"


def prune_file(
    model: str,
    pattern: str,
    data: Path | None,
    out: Path,
    *,
    sparsity: float | None = None,
    layer: Sequence[str] = (),
    target: str | None = None,
    latency: float | None = None,
    loss: float | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """What `edge prune` does: prune, train, write a .pt2 file.

    `layer` are texts NAME=SPARSITY. Exactly one of `sparsity`, `layer`, `latency` and `loss` says
    how much; the last two need a `target`. Raises EdgeError as `prune`, E0040 for anything else.
    """
    wanted = _wanted(sparsity, layer, target, latency, loss)
    if out.suffix != ".pt2":
        raise fail("E0002", f"cannot write {out}", help=["name a .pt2 file: -o pruned.pt2"])
    pruned = prune(model, pattern, wanted, data, **settings)
    program = export_module(pruned.module, pruned.example_inputs)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder, silenced():
        staged = Path(folder) / out.name
        torch.export.save(program, staged)
        os.replace(staged, out)
    return {
        "out": str(out), "pattern": pattern, "layers": list(pruned.layers),
        "skipped": dict(pruned.skipped), "predicted": pruned.predicted,
    }  # fmt: skip


def _wanted(
    sparsity: float | None, layers: Sequence[str], target: str | None, latency: float | None,
    loss: float | None,
) -> float | dict[str, float] | Budget:  # fmt: skip
    """How much is removed, from the options of the command line."""
    if sum((sparsity is not None, bool(layers), latency is not None, loss is not None)) != 1:
        raise fail(
            "E0040", "how much is to be removed?",
            help=["give one of --sparsity, --layer NAME=SPARSITY, --latency and --loss"],
        )  # fmt: skip
    if sparsity is not None:
        return sparsity
    if layers:
        return dict(map(_named_share, layers))
    if target is None:
        raise fail("E0040", "a budget is met on a target", help=["--target cortex-m7"])
    return Budget(target, latency, loss)


def _named_share(text: str) -> tuple[str, float]:
    name, _, share = text.rpartition("=")
    try:
        return name, float(share)
    except ValueError as error:
        raise fail(
            "E0040", f"cannot read {text!r} as a layer and a sparsity",
            help=["give NAME=SPARSITY, such as blocks.0.3=0.5"],
        ) from error  # fmt: skip


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
