"""Changes of a few weights: written, read, added up, put into a model and taken out again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edge.errors import EdgeError, fail

FIELDS = ("index", "values", "shape")


@dataclass(frozen=True, eq=False)
class Delta:
    """What is added to a weight of `shape`.

    Columns: index i64[n] and values [rows, n]. Entries: index i64[n] into the flat weight and
    values [n]. No index occurs twice.
    """

    index: torch.Tensor
    values: torch.Tensor
    shape: tuple[int, ...]

    def flat(self) -> torch.Tensor:
        """Positions in the flat weight, in the order of the flat values."""
        if self.values.ndim == 1:
            return self.index
        rows = torch.arange(self.shape[0], device=self.index.device)
        return (rows[:, None] * self.shape[1] + self.index).flatten()

    def fault(self) -> str | None:
        """What is wrong with it, None if nothing is."""
        columns = self.values.ndim == 2 and len(self.shape) == 2
        entries = self.values.ndim == 1
        most = self.shape[1] if columns else math.prod(self.shape)
        rows = (self.shape[0], len(self.index)) if columns else (len(self.index),)
        if not (columns or entries) or tuple(self.values.shape) != rows:
            return f"{list(self.values.shape)} values for {len(self.index)} places"
        if len(self.index) and not 0 <= int(self.index.min()) <= int(self.index.max()) < most:
            return f"a place outside the weight {list(self.shape)}"
        if len(self.index.unique()) != len(self.index):  # type: ignore[no-untyped-call]
            return "a place that occurs twice"
        return None if bool(self.values.isfinite().all()) else "values that are not finite"


Adapter = Mapping[str, Delta]


def save_adapter(adapter: Adapter, path: Path) -> None:
    """Write an adapter as one safetensors file: index, values and shape of each weight."""
    from safetensors.torch import save_file

    tensors = {}
    for name, delta in adapter.items():
        parts = (delta.index, delta.values.detach(), torch.tensor(delta.shape))
        for field, tensor in zip(FIELDS, parts, strict=True):
            tensors[f"{name}.{field}"] = tensor.contiguous()
    save_file(tensors, path)


def load_adapter(path: Path) -> Adapter:
    """Read what `save_adapter` wrote. Raises EdgeError E0083 for a damaged file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
        names = [name.removesuffix(".index") for name in tensors if name.endswith(".index")]
        adapter = {name: _delta(tensors, name) for name in names}
    except (SafetensorError, OSError, KeyError) as error:
        raise _damaged(path, str(error)) from error
    for name, delta in adapter.items():
        if fault := delta.fault():
            raise _damaged(path, f"{name} has {fault}")
    return adapter


def _delta(tensors: Mapping[str, torch.Tensor], name: str) -> Delta:
    index, values, shape = (tensors[f"{name}.{field}"] for field in FIELDS)
    return Delta(index, values, tuple(shape.tolist()))


def _damaged(path: Path, what: str) -> EdgeError:
    return fail("E0083", f"not a whole adapter: {what}", str(path),
                help=["write it again with edge.tuning.deltas.save_adapter"])  # fmt: skip


def _sum(deltas: Sequence[tuple[Delta, float]]) -> Delta:
    positions = torch.cat([delta.flat() for delta, _ in deltas])
    index, place = positions.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    values = torch.zeros(len(index), dtype=deltas[0][0].values.dtype, device=index.device)
    start = 0
    for delta, weight in deltas:
        count = delta.values.numel()
        values.index_add_(0, place[start : start + count], delta.values.flatten() * weight)
        start += count
    return Delta(index, values, deltas[0][0].shape)


def combine(adapters: Sequence[Adapter], weights: Sequence[float]) -> Adapter:
    """The weighted sum of adapters, added up in the order given.

    Raises EdgeError E0080 if they are for different models, E0082 unless each has one weight.
    """
    if len(adapters) != len(weights) or not adapters:
        raise fail(
            "E0082", f"{len(adapters)} adapters and {len(weights)} weights",
            help=["give at least one adapter and one weight for each"],
        )  # fmt: skip
    parts: dict[str, list[tuple[Delta, float]]] = {}
    for adapter, weight in zip(adapters, weights, strict=True):
        for name, delta in adapter.items():
            parts.setdefault(name, []).append((delta, weight))
    for name, deltas in parts.items():
        for delta, _ in deltas:
            _check(name, delta, deltas[0][0].shape)
    return {name: _sum(deltas) for name, deltas in parts.items()}


def _check(name: str, delta: Delta, shape: tuple[int, ...] | None) -> None:
    if delta.shape != shape:
        found = "does not exist" if shape is None else f"is {list(shape)}"
        raise fail(
            "E0080", "the adapter is for another model", name,
            notes=[f"the adapter changes a weight {list(delta.shape)}; here it {found}"],
            help=["use the base model that the adapter was tuned on"],
        )  # fmt: skip


class Fused:
    """An adapter inside a model's weights. The old numbers are kept, so `revert` restores bits."""

    def __init__(self, model: nn.Module, adapter: Adapter) -> None:
        self._model = model
        self._old: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._require(adapter)
        self._fuse(adapter)

    def _require(self, adapter: Adapter) -> None:
        weights = dict(self._model.named_parameters())
        for name, delta in adapter.items():
            _check(name, delta, tuple(weights[name].shape) if name in weights else None)

    @torch.no_grad()
    def _fuse(self, adapter: Adapter) -> None:
        weights = dict(self._model.named_parameters())
        for name, delta in adapter.items():
            flat, index = weights[name].view(-1), delta.flat().to(weights[name].device)
            self._old[name] = (index, flat[index])
            flat[index] += delta.values.flatten().to(flat)

    @torch.no_grad()
    def revert(self) -> None:
        """Take the adapter out; a second call changes nothing."""
        weights = dict(self._model.named_parameters())
        for name, (index, values) in self._old.items():
            weights[name].view(-1)[index] = values
        self._old = {}

    def switch(self, adapter: Adapter) -> None:
        """Put another adapter in its place. Raises EdgeError E0080, changing nothing."""
        self._require(adapter)
        self.revert()
        self._fuse(adapter)


def fuse(model: nn.Module, adapter: Adapter) -> Fused:
    """Add an adapter to a model's weights, in place.

    Raises EdgeError E0080, and changes nothing, if the model lacks a weight or its shape differs.
    """
    return Fused(model, adapter)
