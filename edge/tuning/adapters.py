"""Adapters: written, read, added up, put into a model, exchanged and taken out again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from edge.errors import EdgeError, fail
from edge.tuning.bottleneck import Bottleneck
from edge.tuning.changes import Adapter, Change, Fields, Undo, WeightChange
from edge.tuning.deltas import Delta
from edge.tuning.low_rank import LowRank
from edge.tuning.mixed import Mixed

_KINDS = {kind.kind: kind for kind in (Delta, LowRank, Mixed)}


def sound(adapter: Adapter) -> Adapter:
    """The adapter unchanged. Raises EdgeError E0088 if it holds what is no number."""
    for name, change in adapter.items():
        if fault := change.fault():
            raise fail(
                "E0088", f"the change has {fault}", name,
                help=["tune again from the base model, with a lower learning rate"],
            )  # fmt: skip
    return adapter


def save_adapter(adapter: Adapter, path: Path) -> None:
    """Write an adapter as one safetensors file: the tensors of each change, and its kind."""
    from safetensors.torch import save_file

    tensors = {
        f"{name}.{field}": tensor.detach().contiguous()
        for name, change in adapter.items()
        for field, tensor in change.fields().items()
    }
    kinds = {name: change.kind for name, change in adapter.items()}
    unfinished = path.with_name(f"{path.name}.part")
    save_file(tensors, unfinished, {"kinds": json.dumps(kinds)})
    unfinished.replace(path)


def load_adapter(path: Path) -> Adapter:
    """Read what `save_adapter` wrote. Raises EdgeError E0083 for a damaged file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            kinds = json.loads((file.metadata() or {})["kinds"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        adapter = {name: _read(kind, _fields_of(tensors, name)) for name, kind in kinds.items()}
    except (SafetensorError, OSError, KeyError, ValueError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    for name, change in adapter.items():
        if fault := change.fault():
            raise _damaged(path, f"{name} has {fault}")
    return adapter


def _fields_of(tensors: Mapping[str, torch.Tensor], name: str) -> Fields:
    parts = (key.rpartition(".") for key in tensors)
    return {field: tensors[f"{name}.{field}"] for owner, _, field in parts if owner == name}


def _read(kind: str, fields: Fields) -> Change:
    if kind in _KINDS:
        return _KINDS[kind].read(fields)
    return Bottleneck.read(kind, fields)


def _damaged(path: Path, what: str) -> EdgeError:
    return fail("E0083", f"not a whole adapter: {what}", str(path),
                help=["write it again with edge.tuning.adapters.save_adapter"])  # fmt: skip


def combine(adapters: Sequence[Adapter], weights: Sequence[float]) -> Adapter:
    """The weighted sum of adapters, added up in the order given.

    Changes of several kinds of one weight become one. Raises EdgeError E0080 if the adapters are
    for different models, E0082 unless each has one weight, E0086 if there is no sum.
    """
    if len(adapters) != len(weights) or not adapters:
        raise fail(
            "E0082", f"{len(adapters)} adapters and {len(weights)} weights",
            help=["give at least one adapter and one weight for each"],
        )  # fmt: skip
    parts: dict[str, list[tuple[Change, float]]] = {}
    for adapter, weight in zip(adapters, weights, strict=True):
        for name, change in adapter.items():
            parts.setdefault(name, []).append((change, weight))
    return {name: _total(name, changes) for name, changes in parts.items()}


def _total(name: str, parts: Sequence[tuple[Change, float]]) -> Change:
    first, _ = parts[0]
    for change, _ in parts:
        if change.size != first.size:
            raise _another_model(name, change, f"is {list(first.size)}")
    if all(change.kind == first.kind for change, _ in parts):
        return type(first).total(parts)
    mixed = [(Mixed.of(c), w) for c, w in parts if isinstance(c, WeightChange)]
    if len(mixed) < len(parts):
        kinds = ", ".join(sorted({change.kind for change, _ in parts}))
        raise fail("E0086", f"changes of the kinds {kinds} have no sum", name,
                   help=["give all bottlenecks one activation"])  # fmt: skip
    return Mixed.total(mixed)


def _another_model(name: str, change: Change, found: str) -> EdgeError:
    return fail(
        "E0080", "the adapter is for another model", name,
        notes=[f"the adapter changes {list(change.size)}; here it {found}"],
        help=["use the base model that the adapter was tuned on"],
    )  # fmt: skip


def require_fit(model: nn.Module, adapter: Adapter) -> None:
    """Raises EdgeError E0080 if the model lacks a weight or layer, or one has another shape."""
    for name, change in adapter.items():
        if misfit := change.misfit(model, name):
            raise _another_model(name, change, misfit)


class Fused:
    """An adapter inside a model. What it replaced is kept, so `revert` restores bits."""

    def __init__(self, model: nn.Module, adapter: Adapter) -> None:
        self._model, self._adapter = model, adapter
        self._undo: list[Undo] = []
        require_fit(model, sound(adapter))
        self._fuse(adapter)

    def _fuse(self, adapter: Adapter) -> None:
        """Weights first: a bottleneck gives the layer that it follows another name."""
        changes = sorted(adapter.items(), key=lambda item: not isinstance(item[1], WeightChange))
        self._undo = [change.put(self._model, name) for name, change in changes]

    def revert(self) -> None:
        """Take the adapter out; a second call changes nothing."""
        while self._undo:
            self._undo.pop()()

    def switch(self, adapter: Adapter) -> None:
        """Put another adapter in its place. Raises EdgeError E0080 or E0088, changing nothing."""
        self.revert()
        try:
            require_fit(self._model, sound(adapter))
        except EdgeError:
            self._fuse(self._adapter)
            raise
        self._fuse(adapter)
        self._adapter = adapter


def fuse(model: nn.Module, adapter: Adapter) -> Fused:
    """Put an adapter into a model, in place.

    Raises EdgeError E0080, and changes nothing, if the model lacks a weight or its shape differs.
    """
    return Fused(model, adapter)
