"""A model as a row of blocks, of which each turns the hidden states of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from edge.errors import fail


@dataclass(frozen=True, eq=False)
class BlockCall:
    """How a block was called: hidden states, then what all blocks share (masks, positions)."""

    hidden: torch.Tensor
    others: tuple[Any, ...]
    named: dict[str, Any]

    def through(self, block: nn.Module) -> BlockCall:
        """The call of the block after this one."""
        result = block(self.hidden, *self.others, **self.named)
        return replace(self, hidden=result[0] if isinstance(result, tuple) else result)


def block_list(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """The name and the list of a transformer's blocks: the one list with most parameters.

    Raises EdgeError E0064 if there is none.
    """
    lists = {n: m for n, m in model.named_modules() if isinstance(m, nn.ModuleList) and len(m)}
    if not lists:
        raise fail(
            "E0064", f"{type(model).__name__} has no list of blocks",
            help=["layer-wise pruning takes transformers whose blocks are an nn.ModuleList; "
                  "prune other modules with edge.prune"],
        )  # fmt: skip
    name = max(lists, key=lambda n: sum(p.numel() for p in lists[n].parameters()))
    return name, lists[name]


def linears(block: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of a block by name."""
    return {name: m for name, m in block.named_modules() if isinstance(m, nn.Linear)}


class _FirstBlockReached(Exception):
    pass


def _no_cache(named: dict[str, Any]) -> dict[str, Any]:
    """Blocks are run again and again: a cache would hand on keys of the run before."""
    caches = ("cache", "past_key_values", "past_key_value", "layer_past")
    return {
        name: False if name == "use_cache" else None
        for name in named
        if name in (*caches, "use_cache")
    }


@torch.no_grad()
def calls_of_first_block(
    model: nn.Module, first: nn.Module, calibration: Sequence[Any]
) -> list[BlockCall]:
    """The call of the first block for each calibration input; later blocks are not run.

    An input is a tensor, or a mapping of keyword arguments.
    """
    calls: list[BlockCall] = []

    def catch(_: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        hidden = arguments[0] if arguments else named.pop("hidden_states")
        calls.append(BlockCall(hidden, arguments[1:], {**named, **_no_cache(named)}))
        raise _FirstBlockReached

    handle = first.register_forward_pre_hook(catch, with_kwargs=True)
    try:
        for sample in calibration:
            try:
                model(**sample) if isinstance(sample, dict) else model(sample)
            except _FirstBlockReached:
                continue
    finally:
        handle.remove()
    return calls


@contextmanager
def watched(layers: dict[str, nn.Linear], add: Any) -> Iterator[None]:
    """Inside, `add(name, input)` is called whenever one of the layers is."""

    def watch(name: str) -> Any:
        return lambda _, arguments: add(name, arguments[0])

    handles = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
