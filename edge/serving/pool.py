"""Adapters in pages of one arena (S-LoRA, Sheng et al. 2023, arXiv:2311.03285).

A page holds a row of `down` or a column of `up`, so that adapters of any rank share the arena and
none of it is lost to fragments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from edge.errors import fail
from edge.serving.adapter import Adapter, LowRank, unfit

PAGES = "E0090"


@dataclass(frozen=True)
class Pages:
    """Where one layer's part of an adapter lies: a page for each rank, and the layer's sizes."""

    down: tuple[int, ...]
    up: tuple[int, ...]
    inputs: int
    outputs: int
    scale: float


@dataclass
class _Resident:
    layers: dict[str, Pages]
    users: int = 0

    @property
    def pages(self) -> list[int]:
        return [page for part in self.layers.values() for page in (*part.down, *part.up)]


class AdapterPool:
    """Adapters by name. The one used longest ago makes room, unless a batch uses it.

    arena: [pages, width]; `width` is at least the widest input or output of an adapted layer.
    """

    def __init__(
        self, pages: int, width: int, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> None:
        self.arena = torch.zeros(pages, width, dtype=dtype, device=device)
        self._free = list(range(pages))
        self._residents: OrderedDict[str, _Resident] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._residents

    @property
    def free(self) -> int:
        """Pages that no adapter uses."""
        return len(self._free)

    def pages(self, name: str) -> tuple[int, ...]:
        """All pages of an adapter. Raises EdgeError E0091 for one that is not loaded."""
        return tuple(self._resident(name).pages)

    def layer(self, name: str, layer: str) -> Pages | None:
        """The pages of an adapter for one layer, None if it does not change that layer."""
        return self._resident(name).layers.get(layer)

    def layers(self, names: Sequence[str | None]) -> set[str]:
        """The layers that some of the adapters change."""
        return {layer for name in names if name for layer in self._resident(name).layers}

    def load(self, name: str, adapter: Adapter) -> None:
        """Copy an adapter into pages; one of the same name is replaced.

        Raises EdgeError E0090 if it needs more pages than those free or of adapters that no batch
        uses, E0091 if a layer is wider than a page, its ranks differ or the name is in use. Nothing
        changes then.
        """
        if name in self and self._residents[name].users:
            raise unfit(name, "a batch uses the one of the same name")
        self._require_room(name, adapter)
        if name in self:
            self.evict(name)
        self._make_room(_need(adapter))
        layers = {layer: self._store(part) for layer, part in adapter.items()}
        self._residents[name] = _Resident(layers)

    def evict(self, name: str) -> None:
        """Give an adapter's pages back. Raises EdgeError E0091 if a batch uses it."""
        if self._resident(name).users:
            raise unfit(name, "a batch uses it; it cannot be evicted")
        self._free += self._residents.pop(name).pages

    @contextmanager
    def pinned(self, names: Sequence[str | None]) -> Iterator[None]:
        """Keep adapters (None is the base model) inside the block, and count them as used now.

        Raises EdgeError E0091 for one that is not loaded.
        """
        residents = {name: self._resident(name) for name in names if name}
        for name, resident in residents.items():
            resident.users += 1
            self._residents.move_to_end(name)
        try:
            yield
        finally:
            for resident in residents.values():
                resident.users -= 1

    def _resident(self, name: str) -> _Resident:
        if name not in self._residents:
            raise unfit(name, "it is not loaded")
        return self._residents[name]

    def _require_room(self, name: str, adapter: Adapter) -> None:
        width = self.arena.shape[1]
        for layer, part in adapter.items():
            if part.up.shape[1] != part.rank:
                raise unfit(
                    name, f"{layer} has matrices of rank {part.rank} and {part.up.shape[1]}"
                )
            if max(part.down.shape[1], part.up.shape[0]) > width:
                raise unfit(name, f"{layer} is wider than a page of {width} values")
        idle = [r for r in self._residents.values() if not r.users]
        room = self.free + sum(len(resident.pages) for resident in idle)
        if _need(adapter) > room:
            raise fail(
                PAGES, f"out of pages: the adapter needs {_need(adapter)}, {room} can be had", name,
                notes=[f"the pool has {len(self.arena)} pages; batches that run keep the others"],
                help=["make the pool larger, or wait until a batch has ended"],
            )  # fmt: skip

    def _make_room(self, need: int) -> None:
        idle = [name for name, resident in self._residents.items() if not resident.users]
        for name in idle:
            if self.free >= need:
                return
            self.evict(name)

    def _store(self, part: LowRank) -> Pages:
        return Pages(self._write(part.down), self._write(part.up.T),
                     part.down.shape[1], part.up.shape[0], part.scale)  # fmt: skip

    def _write(self, rows: torch.Tensor) -> tuple[int, ...]:
        pages = tuple(self._free.pop() for _ in range(len(rows)))
        self.arena[list(pages), : rows.shape[1]] = rows.detach().to(self.arena)
        return pages


def _need(adapter: Adapter) -> int:
    return sum(2 * part.rank for part in adapter.values())
