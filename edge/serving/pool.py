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

from edge.serving.adapter import Adapter, LowRank, unfit
from edge.serving.memory import PagedMemory, out_of_pages


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

    memory: its pages, which others may share; `width` is at least the widest input or output of an
    adapted layer.
    """

    def __init__(
        self, pages: int, width: int, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> None:
        self.memory = PagedMemory(pages, width, dtype, device)
        self._residents: OrderedDict[str, _Resident] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._residents

    @property
    def arena(self) -> torch.Tensor:
        """[pages, width]."""
        return self.memory.data

    @property
    def free(self) -> int:
        """Pages that nobody uses."""
        return self.memory.free

    @property
    def room(self) -> int:
        """Pages that are free or of adapters that no batch uses."""
        idle = [r for r in self._residents.values() if not r.users]
        return self.free + sum(len(resident.pages) for resident in idle)

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
        self.make_room(pages_of(adapter))
        layers = {layer: self._store(part) for layer, part in adapter.items()}
        self._residents[name] = _Resident(layers)

    def evict(self, name: str) -> None:
        """Give an adapter's pages back. Raises EdgeError E0091 if a batch uses it."""
        if self._resident(name).users:
            raise unfit(name, "a batch uses it; it cannot be evicted")
        self.memory.release(self._residents.pop(name).pages)

    @contextmanager
    def pinned(self, names: Sequence[str | None]) -> Iterator[None]:
        """Keep adapters (None is the base model) inside the block, and count them as used now.

        Raises EdgeError E0091 for one that is not loaded.
        """
        used = {name for name in names if name}
        for name in used:
            self._resident(name)
        for name in used:
            self.pin(name)
        try:
            yield
        finally:
            for name in used:
                self.unpin(name)

    def pin(self, name: str) -> None:
        """One more batch uses an adapter, now. Raises EdgeError E0091 if it is not loaded."""
        self._resident(name).users += 1
        self._residents.move_to_end(name)

    def unpin(self, name: str) -> None:
        """One batch less uses an adapter."""
        self._resident(name).users -= 1

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
        if pages_of(adapter) > self.room:
            reason = f"the adapter needs {pages_of(adapter)}, {self.room} can be had"
            raise out_of_pages(reason, name, self.memory.pages)

    def make_room(self, need: int) -> None:
        """Evict adapters that no batch uses, the one used longest ago first, until so many pages
        are free or none is left to evict."""
        idle = [name for name, resident in self._residents.items() if not resident.users]
        for name in idle:
            if self.free >= need:
                return
            self.evict(name)

    def _store(self, part: LowRank) -> Pages:
        return Pages(self._write(part.down), self._write(part.up.T),
                     part.down.shape[1], part.up.shape[0], part.scale)  # fmt: skip

    def _write(self, rows: torch.Tensor) -> tuple[int, ...]:
        pages = self.memory.take(len(rows))
        self.arena[list(pages), : rows.shape[1]] = rows.detach().to(self.arena)
        return pages


def pages_of(adapter: Adapter) -> int:
    """Pages that an adapter takes."""
    return sum(2 * part.rank for part in adapter.values())
